# SPDX-License-Identifier: MIT
"""What the site shares with the repository. Pages link to files of it as a reader of the repository does, by relative
paths; here such a link leads to the page that shows the file, or to the file itself, or, of a folder, becomes text.

The directive `repository-file` shows a file of Markdown that lies outside docs/:

    ```{repository-file} tests/emulator/README.md
    ```
"""
import os
import pathlib
import re

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import nested_parse_with_titles

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
DOCS = ROOT / "docs"

# Files outside docs/ and the pages that show them.
PAGES = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "bench/networks/README.md": "reference/files/trained-networks.md",
    "bench/results/README.md": "reference/files/results.md",
    "bench/results/speed/table.md": "reference/files/speed.md",
    "examples/README.md": "reference/examples/index.md",
    "examples/triton/README.md": "reference/examples/triton.md",
    "tests/emulator/README.md": "reference/files/emulator.md",
    "tests/golden/networks/README.md": "reference/files/recorded-answers.md",
}

LINK = re.compile(r"(!?)\[([^\]\[]*)\]\(([^)#:\s]+)(#[^)\s]*)?\)")


def links_of_site(text, origin, page):
    """`text` of the file `origin`, with the links that hold on the page `page`."""

    def change(match):
        image, words, path, anchor = match.groups()
        target = pathlib.Path(os.path.normpath(origin.parent / path))
        if not target.is_relative_to(ROOT):
            return match.group(0)
        if target.is_dir():
            return words
        name = str(target.relative_to(ROOT))
        if name in PAGES:
            target = DOCS / PAGES[name]
        return f"{image}[{words}]({os.path.relpath(target, page.parent)}{anchor or ''})"

    return LINK.sub(change, text)


class RepositoryFile(SphinxDirective):
    required_arguments = 1
    has_content = False

    def run(self):
        origin = ROOT / self.arguments[0]
        page = pathlib.Path(self.env.doc2path(self.env.docname))
        if PAGES.get(self.arguments[0]) != str(page.relative_to(DOCS)):
            raise self.error(f"{self.arguments[0]} has another page, or none: add it to PAGES of {__file__}")
        self.env.note_dependency(str(origin))
        text = links_of_site(origin.read_text(), origin, page)
        node = nodes.container()
        node.document = self.state.document
        nested_parse_with_titles(self.state, StringList(text.splitlines(), str(origin)), node)
        return node.children


def on_source_read(app, docname, source):
    page = pathlib.Path(app.env.doc2path(docname))
    source[0] = links_of_site(source[0], page, page)


def setup(app):
    app.add_directive("repository-file", RepositoryFile)
    app.connect("source-read", on_source_read)
    return {"parallel_read_safe": True}
