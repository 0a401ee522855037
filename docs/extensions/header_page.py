# SPDX-License-Identifier: MIT
"""The directive `header`: a header of the library as Doxygen read it, its declarations in the header's own order.

    ```{header} conv.hpp
    ```
"""
import pathlib
import xml.etree.ElementTree as ElementTree

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import nested_parse_with_titles

# Macros that are no part of the interface.
HIDDEN = {"FOLDCONV_API"}
KINDS = {"function": "doxygenfunction", "enum": "doxygenenum", "typedef": "doxygentypedef",
         "variable": "doxygenvariable", "define": "doxygendefine"}


class Declaration:
    def __init__(self, directive, name, line, options=()):
        self.directive, self.name, self.line, self.options = directive, name, line, options

    def lines(self):
        yield f".. {self.directive}:: {self.name}"
        yield from (f"   :{option}:" for option in self.options)
        yield ""


def is_in(element, header):
    return pathlib.PurePath(element.find("location").get("file")).name == header


def members(compound, scope, header):
    """What a file or namespace declares, but for its classes."""
    for member in compound.findall("sectiondef/memberdef"):
        name = member.findtext("name")
        if not is_in(member, header) or name in HIDDEN:
            continue
        kind = member.get("kind")
        full = f"{scope}::{name}" if scope else name
        if kind == "function":
            arguments = ", ".join("".join(parameter.find("type").itertext()) for parameter in member.findall("param"))
            full += f"({arguments})"
        yield Declaration(KINDS[kind], full, int(member.find("location").get("line")))


def declarations(folder, header):
    namespaces = set()
    found = []
    classes = []
    for path in sorted(folder.glob("*.xml")):
        if path.name in ("index.xml", "Doxyfile.xml"):
            continue
        compound = ElementTree.parse(path).getroot().find("compounddef")
        name, kind = compound.findtext("compoundname"), compound.get("kind")
        if kind == "namespace":
            namespaces.add(name)
            found += members(compound, name, header)
        elif kind == "file" and name == header:
            found += members(compound, "", header)
        elif kind in ("class", "struct") and is_in(compound, header):
            classes.append((kind, name, int(compound.find("location").get("line"))))
    for kind, name, line in classes:
        if name.rpartition("::")[0] in namespaces | {""}:  # others are shown inside their class
            found.append(Declaration(f"doxygen{kind}", name, line, ("members", "undoc-members")))
    return sorted(found, key=lambda declaration: declaration.line)


class HeaderPage(SphinxDirective):
    required_arguments = 1
    has_content = False

    def run(self):
        header = self.arguments[0]
        found = declarations(pathlib.Path(self.config.header_page_xml), header)
        if not found:
            raise self.error(f"no declarations of {header} in Doxygen's XML; is it a header of the library?")
        text = [f".. doxygenfile:: {header}", "   :sections: briefdescription detaileddescription", ""]
        for declaration in found:
            text += declaration.lines()
        node = nodes.container()
        node.document = self.state.document
        nested_parse_with_titles(self.state, StringList(text, header), node)
        return node.children


def setup(app):
    app.add_config_value("header_page_xml", "", "env")
    app.add_directive("header", HeaderPage)
    return {"parallel_read_safe": True}
