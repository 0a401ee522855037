#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compiles or runs every fenced code block of the repository's pages; docs/run.sh calls it.

    cpp, c         fragments are compiled, whole programs run too (c_family.py)
    python         run on the emulator, those of a page one after the other (python_blocks.py)
    sh, console    every command exists with its options; cheap ones run (commands.py: which, and why the others not)
    cmake          configured against the installed package
    text, none     an output is compared with what the command before it printed; a map of folders must be true
    {directive}    Sphinx' own

A block of another kind is an error. At the end the blocks of faults.md are checked, each of which has to be found wrong.
"""
import argparse
import os
import pathlib
import re
import shutil
import sys

import c_family
import cmake_blocks
from blocks import FAULTS, ROOT, all_blocks, blocks_of
from python_blocks import Interpreters, parse
from shell import Shell
from text_blocks import Texts

KINDS = {"cpp": "c_family", "c": "c_family", "python": "python", "sh": "shell", "console": "shell", "cmake": "cmake",
         "text": "text", "": "text"}


def link(place, target):
    if not place.is_symlink():
        place.symlink_to(target)


def make_scratch(folder, prefix, networks):
    """A folder to run in that looks like the repository as a reader has it: what a block writes lies there."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "build").mkdir(parents=True)
    for entry in ROOT.iterdir():
        if not entry.name.startswith(".") and entry.name != "build":
            link(folder / entry.name, entry)
    link(folder / "build" / "prefix", prefix)
    link(folder / "build" / "networks", networks)
    return folder


def sort_blocks(blocks):
    """Blocks by their kind, and errors about those of none."""
    kinds, errors = {kind: [] for kind in KINDS.values()}, []
    for block in blocks:
        if block.language in KINDS:
            kinds[KINDS[block.language]].append(block)
        elif not (block.language.startswith("{") and block.page.startswith("docs/")):
            errors.append(f"{block.name}: a block of {block.language}, which is not checked; take one of "
                          f"{', '.join(filter(None, KINDS))}, or teach docs/code_blocks/run.py")
    return kinds, errors


def run_page(blocks, compiler, interpreters, shell, texts):
    """Block by block, as a reader goes: what one makes, a later one may use."""
    python_blocks = [block for block in blocks if block.language == "python"]
    python = interpreters.page(python_blocks) if python_blocks else None
    errors, printed = [], {}
    errors += compiler.check_programs(blocks)
    for block, after in zip(blocks, [*blocks[1:], None]):
        kind = KINDS.get(block.language)
        if kind == "python":
            error = parse(block)
            if python and not error:
                error, printed[block.name] = python.run(block)
            if error:  # those behind it would fail for want of what it makes
                return [*filter(None, errors), error]
        elif kind == "shell":
            shell_errors, output = shell.check(block, after is not None and KINDS.get(after.language) == "text")
            errors += shell_errors
            if output is not None:
                printed[block.name] = output
        elif kind == "text":
            errors.append(texts.check(block, printed, python_is_missing=python_blocks and not python))
    if python:
        python.close()
    return [error for error in errors if error]


def check(blocks, prefix, pythons, scratch):
    """Errors, remarks, and how many blocks and commands there were, in words."""
    kinds, errors = sort_blocks(blocks)
    environment = {**os.environ, "COLUMNS": "120"}
    make_scratch(scratch, prefix, environment["FOLDCONV_NETWORKS"])
    compiler = c_family.Compiler(prefix, scratch, environment)
    errors += compiler.check_all_fragments(kinds["c_family"])
    errors += cmake_blocks.check(kinds["cmake"], prefix, scratch, environment)
    interpreters = Interpreters(pythons, scratch, environment)
    shell = Shell(prefix, scratch, environment)
    texts = Texts(shell)
    for page in dict.fromkeys(block.page for block in blocks):
        errors += run_page([block for block in blocks if block.page == page], compiler, interpreters, shell, texts)
    counts = ", ".join(f"{len(members)} {kind}" for kind, members in kinds.items())
    counts += f"; of the commands {shell.counts['run']} run, {shell.counts['parsed']} parsed"
    return errors, interpreters.notes + shell.notes + texts.notes, counts


def unnoticed_faults(*places):
    """Every block of faults.md is wrong: errors about those that nothing was said about."""
    blocks = blocks_of(FAULTS, (ROOT / FAULTS).read_text())
    errors, _, _ = check(blocks, *places)
    named = {int(line) for line in re.findall(rf"{FAULTS}:(\d+)", "\n".join(errors))}
    return [f"{block.name}: is wrong, and nobody noticed" for block in blocks
            if not named & set(range(block.line, block.line + block.text.count("\n") + 1))]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prefix", type=pathlib.Path, required=True, help="where the library is installed")
    parser.add_argument("--python", type=pathlib.Path, required=True, action="append",
                        help="an interpreter that has the package foldconv; more of them: with other packages besides")
    parser.add_argument("--scratch", type=pathlib.Path, required=True, help="a folder to work in")
    parser.add_argument("--page", action="append", help="this page alone")
    options = parser.parse_args()

    blocks = [block for block in all_blocks() if not options.page or block.page in options.page]
    # The interpreters' links are not followed: they say of which environment they are.
    places = (options.prefix.resolve(), [python.absolute() for python in options.python], options.scratch.resolve())
    errors, notes, counts = check(blocks, *places)
    if not options.page:
        errors += unnoticed_faults(*places)
    for note in notes:
        print(note)
    for error in errors:
        print(error, file=sys.stderr)
    if errors:
        print("where another output is meant, as after a new tile: copy what is printed to the page", file=sys.stderr)
    print(f"code blocks: {counts}; {len(errors)} wrong")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
