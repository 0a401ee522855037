# SPDX-License-Identifier: MIT
"""The directive `python-names`: what of the package foldconv stands under one heading, by autodoc, in the order given.

    ```{python-names}
    load
    Network
    ```

A build fails for a public name that no page has.
"""
import inspect
import re

import foldconv
from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective
from sphinx.util.logging import getLogger

# A property's docstring as nanobind makes it.
GETTER = re.compile(r"^\w*\(self\) -> .*$")
# `name: what it is`, up to an empty line or the next one: a parameter.
PARAMETER = re.compile(r"^(\w+(?:, \w+)*): ")
# What is documented of a class besides its members.
SPECIAL = ["__call__"]


def names_of_package():
    return {name for name in foldconv.__all__ if not name.startswith("_")}


class PythonNames(SphinxDirective):
    has_content = True

    def run(self):
        names = [line.strip() for line in self.content if line.strip()]
        unknown = [name for name in names if name not in names_of_package()]
        if unknown:
            raise self.error(f"foldconv has no {', '.join(unknown)}; take them off the page")
        self.env.metadata[self.env.docname].setdefault("python-names", []).extend(names)
        lines = ["```{eval-rst}", ".. py:currentmodule:: foldconv", ""]
        for name in names:
            lines += directive_for(name, getattr(foldconv, name))
        node = nodes.container()
        node.document = self.state.document
        self.state.nested_parse(StringList([*lines, "```"], "python-names"), self.content_offset, node)
        return node.children


def directive_for(name, value):
    if inspect.isclass(value) and issubclass(value, BaseException):
        return [f".. autoexception:: foldconv.{name}", "   :show-inheritance:", ""]
    if inspect.isclass(value):
        special = [method for method in SPECIAL if method in vars(value)]
        return [f".. autoclass:: foldconv.{name}", "   :members:", "   :undoc-members:", "   :exclude-members: count, index",
                *([f"   :special-members: {', '.join(special)}"] if special else []), ""]
    if callable(value):
        return [f".. autofunction:: foldconv.{name}", ""]
    return [f".. autodata:: foldconv.{name}", "   :no-value:", ""]


def on_docstring(app, what, name, value, options, lines):
    """The package's docstrings are plain text: here they become what autodoc takes."""
    text, in_parameter = [], False
    for line in lines:
        if GETTER.match(line) or line.startswith("Alias for field number"):
            continue
        is_parameter = PARAMETER.match(line) is not None
        in_parameter = is_parameter or (in_parameter and line != "")
        if is_parameter:
            text.append(PARAMETER.sub(lambda match: f":{match.group(1)}: ", line))
        else:
            text.append(f"    {line.strip()}" if in_parameter else line)
    lines[:] = text


def check_all_shown(app, env):
    shown = {name for fields in env.metadata.values() for name in fields.get("python-names", [])}
    missing = names_of_package() - shown
    if missing:
        getLogger(__name__).warning("no page has foldconv's %s; add them to docs/reference/python.md",
                                    ", ".join(sorted(missing)))


def setup(app):
    app.setup_extension("sphinx.ext.autodoc")
    app.add_directive("python-names", PythonNames)
    app.connect("autodoc-process-docstring", on_docstring)
    app.connect("env-check-consistency", check_all_shown)
    return {"parallel_read_safe": True}
