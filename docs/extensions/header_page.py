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
HIDDEN = {"FOLDCONV_API", "FC_API"}
KINDS = {"function": "doxygenfunction", "enum": "doxygenenum", "typedef": "doxygentypedef",
         "variable": "doxygenvariable", "define": "doxygendefine"}


class Declaration:
    def __init__(self, directive, name, line, options=()):
        self.directive, self.name, self.line, self.options = directive, name, line, options

    def lines(self):
        yield f"```{{{self.directive}}} {self.name}"
        yield from (f":{option}" for option in self.options)
        yield "```"


def is_in(element, header):
    return pathlib.PurePath(element.find("location").get("file")).name == header


class HeaderFile:
    """The declarations of one header, by line, and the identifiers by which Doxygen's references name it."""

    def __init__(self, folder, header):
        self.header = header
        self.declarations = []
        self.identifiers = []
        classes = []
        namespaces = {""}
        for path in sorted(folder.glob("*.xml")):
            compound = ElementTree.parse(path).getroot().find("compounddef")
            if compound is None:
                continue
            name, kind = compound.findtext("compoundname"), compound.get("kind")
            if kind == "namespace":
                namespaces.add(name)
                if self.add_members(compound, name) and "::" in name:
                    self.identifiers.append(compound.get("id"))
            elif kind == "file" and name == header:
                self.identifiers.append(compound.get("id"))
                self.add_members(compound, "")
            elif kind in ("class", "struct") and is_in(compound, header):
                classes.append((kind, name, int(compound.find("location").get("line"))))
        for kind, name, line in classes:
            if name.rpartition("::")[0] in namespaces:  # others are shown inside their class
                self.declarations.append(Declaration(f"doxygen{kind}", name, line, ("members:", "undoc-members:")))
        self.declarations.sort(key=lambda declaration: declaration.line)

    def add_members(self, compound, scope):
        """What a file or namespace declares, but for its classes. Returns whether there is any."""
        before = len(self.declarations)
        for member in compound.findall("sectiondef/memberdef"):
            name, kind = member.findtext("name"), member.get("kind")
            if not is_in(member, self.header) or name in HIDDEN:
                continue
            full = f"{scope}::{name}" if scope else name
            if kind == "function" and scope:  # C knows no overloads
                types = ("".join(parameter.find("type").itertext()) for parameter in member.findall("param"))
                full += f"({', '.join(types)})"
            self.declarations.append(Declaration(KINDS[kind], full, int(member.find("location").get("line"))))
        return len(self.declarations) > before


class HeaderPage(SphinxDirective):
    required_arguments = 1
    has_content = False

    def run(self):
        name = self.arguments[0]
        file = HeaderFile(pathlib.Path(self.config.header_page_xml), name)
        if not file.declarations:
            raise self.error(f"no declarations in Doxygen's XML of a header {name}; name one of include/")
        target = nodes.target("", "", ids=file.identifiers)
        for identifier in file.identifiers:
            self.env.domains.standard_domain.note_hyperlink_target(identifier, self.env.docname, identifier, name)
        text = [line for declaration in
                [Declaration("doxygenfile", name, 0, ("sections: briefdescription detaileddescription",)),
                 *file.declarations] for line in declaration.lines()]
        node = nodes.container()
        node.document = self.state.document
        nested_parse_with_titles(self.state, StringList(text, name), node)
        return [target, *node.children]


def setup(app):
    app.add_config_value("header_page_xml", "", "env")
    app.add_directive("header", HeaderPage)
    return {"parallel_read_safe": True}
