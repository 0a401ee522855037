# SPDX-License-Identifier: MIT
"""Blocks of plain text: outputs of commands, which are compared, and maps of folders, whose names must exist."""
import os
import re

from blocks import ROOT
from commands import NOT_COMPARED, OUTPUTS
from shell import Command
from output import difference

MAP_LINE = re.compile(r"( *)(\S+(?: \S+/)*)  +\S")


def is_map(block):
    """Names of folders and files in the first columns, what they are behind them."""
    return re.match(r"\S+/ +\S", block.text) is not None


def missing_names(block):
    folder = ""
    for line in block.text.split("\n"):
        match = MAP_LINE.match(line)
        if match is None or len(match.group(1)) > 2:
            continue
        for name in match.group(2).split():
            path = os.path.join(folder, name) if match.group(1) else name
            if not (ROOT / path).exists():
                yield path
        if not match.group(1):
            folder = match.group(2)


def by_beginning(table, block):
    return next((value for (page, beginning), value in table.items()
                 if block.page == page and block.text.startswith(beginning)), None)


class Texts:
    def __init__(self, shell):
        self.shell = shell
        self.notes = []

    def printed_before(self, block, printed):
        """What the block before this one printed; None if it did not run."""
        command = by_beginning(OUTPUTS, block)
        if command is not None:
            words = command.split()
            if missing := self.shell.missing(Command(block, words), True):
                self.shell.not_run.add(block.name)
                self.notes.append(f"{block.name}: not compared, no {', '.join(missing)} here")
                return None
            return self.shell.execute(words).stdout
        return printed.get(block.previous.name) if block.previous else None

    def check(self, block, all_printed, python_is_missing):
        """What is wrong with a block, or ""; `all_printed`: what the blocks of the page printed, by their names."""
        if is_map(block):
            return "\n".join(f"{block.name}: there is no {name}" for name in missing_names(block))
        reason = by_beginning(NOT_COMPARED, block)
        if reason is not None:
            self.notes.append(f"{block.name}: not compared, {reason}")
            return ""
        printed = self.printed_before(block, all_printed)
        if printed is None:
            if self.shell.not_run & {block.name, block.previous and block.previous.name}:
                return ""
            if python_is_missing and block.previous and block.previous.language == "python":
                return ""
            return f"{block.name}: an output of what did not run; run it, or add it to docs/code_blocks/commands.py"
        wrong = difference(block.text, printed)
        return f"{block.name}: the output is another one; {wrong}" if wrong else ""
