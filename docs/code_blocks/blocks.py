# SPDX-License-Identifier: MIT
"""The fenced code blocks of the repository's pages."""
import dataclasses
import fnmatch
import pathlib
import subprocess

from markdown_it import MarkdownIt

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PAGES = ["README.md", "CHANGELOG.md", "docs/*.md", "bench/*README.md", "tests/*README.md", "examples/*README.md",
         "host/*.md", "python/*README.md"]
FAULTS = "docs/code_blocks/faults.md"  # on no page of the site


@dataclasses.dataclass
class Block:
    page: str
    line: int  # of the first line inside
    language: str
    text: str
    previous: "Block | None"  # on the same page

    @property
    def name(self):
        return f"{self.page}:{self.line}"


def blocks_of(page, text):
    found = []
    for token in MarkdownIt().parse(text):
        if token.type == "fence":
            words = token.info.split()
            if words[:1] in (["{code-block}"], ["{code}"]):
                words = words[1:]
            language = words[0] if words else ""
            found.append(Block(page, token.map[0] + 2, language, token.content, found[-1] if found else None))
    return found


def pages():
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.md"], cwd=ROOT,
                            check=True, capture_output=True, text=True).stdout
    return sorted(name for name in listed.split("\0") if name and (ROOT / name).is_file()
                  and name != FAULTS and any(fnmatch.fnmatch(name, pattern) for pattern in PAGES))


def all_blocks():
    return [block for page in pages() for block in blocks_of(page, (ROOT / page).read_text())]
