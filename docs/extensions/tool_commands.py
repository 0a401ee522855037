# SPDX-License-Identifier: MIT
"""The directive `tool-commands`: a section for each command of the tool, with its help."""
import subprocess

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import nested_parse_with_titles


def commands():
    text = subprocess.run(["foldconv", "--help"], check=True, capture_output=True, text=True).stdout
    lines = text.partition("Subcommands:\n")[2].partition("\n\n")[0].splitlines()
    # What a name is followed by in a column of its own; lines without a name go on with the one before.
    return [line.split()[0] for line in lines if line.startswith("  ") and not line.startswith("   ")]


class ToolCommands(SphinxDirective):
    has_content = False

    def run(self):
        found = commands()
        if not found:
            raise self.error("foldconv --help lists no commands; see tool_commands.py for what is looked for")
        text = []
        for command in found:
            text += [f"## {command}", "", f"```{{command-output}} foldconv {command} --help", "```", ""]
        node = nodes.container()
        node.document = self.state.document
        nested_parse_with_titles(self.state, StringList(text, "foldconv --help"), node)
        return node.children


def setup(app):
    app.add_directive("tool-commands", ToolCommands)
    return {"parallel_read_safe": True}
