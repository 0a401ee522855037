# SPDX-License-Identifier: MIT
"""Outputs that pages show, beside what was really printed."""
import re

# What differs between two runs: the tool's first lines, with its version, the device and the time. Pages leave them out.
HEAD = re.compile(r"\Afoldconv \d+\.\d+\.\d+ .*\n.*\n\n?")


def lines_of(text):
    return [line.rstrip() for line in text.strip("\n").split("\n")]


def sections(lines):
    """Runs of lines between those that say that something is left out: "..."."""
    section = []
    for line in lines:
        if line.strip() == "...":
            yield section
            section = []
        else:
            section.append(line)
    yield section


def difference(shown, printed):
    """What is wrong with an output as a page shows it; "" if nothing is. All of it must be shown, but for "..."."""
    actual = lines_of(HEAD.sub("", printed))
    parts = list(sections(lines_of(shown)))
    place = 0
    for index, section in enumerate(parts):
        places = [begin for begin in range(place, len(actual) - len(section) + 1)
                  if actual[begin:begin + len(section)] == section]
        if index == 0:
            places = [begin for begin in places if begin == 0]
        if index == len(parts) - 1:
            places = [begin for begin in places if not section or begin + len(section) == len(actual)]
        if not places:
            absent = [line for line in section if line not in actual]
            if absent:
                return "not printed:\n" + "\n".join(absent) + "\nprinted:\n" + "\n".join(actual)
            return "printed in another order, or with more between:\n" + "\n".join(section)
        place = places[0] + len(section)
    return ""
