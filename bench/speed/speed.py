#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The speed table of a project without a GPU: what the kernels' machine code says, and what the planner's model says of
ResNet-50.

    speed.py              makes the table anew: bench/results/speed
    speed.py --check      of kernels, sm_80, against the table: exit code 1 where one is more than 3 % worse, or not in it

Reads the objects of a build. Needs cuobjdump, nvdisasm and ptxas: see run.sh.
"""

import argparse
import os
import sys

import comparison
import kernel_markdown
import kernel_table
import layer_markdown
import layer_table
import table_file
import toolkit

RESULTS = os.path.join(toolkit.ROOT, "bench", "results", "speed")
REMEDY = "run bench/speed/run.sh, and commit bench/results/speed with a reason"


def say(*lines):
    for line in lines:
        print(line, file=sys.stderr)


def write_table(folder):
    """The text to read, of the files to compare."""
    kernels = table_file.read(os.path.join(folder, "kernels.csv"))
    layers = table_file.read(os.path.join(folder, "layers.csv"))
    lines = ["# Speed, without a GPU", ""]
    lines += ["Made by `bench/speed/run.sh`; nothing here was timed.", "", "## Kernels", ""]
    lines += kernel_markdown.lines_of(kernels)
    lines += ["", "## ResNet-50", "", *layer_markdown.lines_of(layers)]
    return "\n".join(lines) + "\n"


def make(build, folder):
    layers, notes = layer_table.collect(build)
    kernels, more_notes = kernel_table.collect(build)
    os.makedirs(folder, exist_ok=True)
    table_file.write(os.path.join(folder, "kernels.csv"), kernel_table.COLUMNS, kernels)
    table_file.write(os.path.join(folder, "layers.csv"), layer_table.COLUMNS, layers)
    with open(os.path.join(folder, "table.md"), "w", encoding="utf-8") as file:
        file.write(write_table(folder))
    say(*notes, *more_notes)
    return 0


def check(build, folder):
    committed = table_file.read(os.path.join(folder, "kernels.csv"))
    rows, notes = kernel_table.collect(build, architectures=(80,))
    failures, improvements = comparison.compare(committed, rows)
    changes = comparison.came_and_went(committed, rows)
    say(*notes, *(f"better: {line}" for line in improvements), *(f"worse: {line}" for line in failures), *changes)
    if changes:
        say(f"bench/results/speed is of other kernels: after a tile is added or removed {REMEDY}")
    if failures:
        say(f"kernels are worse than bench/results/speed says: mend them, or {REMEDY}")
    elif improvements:
        say(f"kernels are better than bench/results/speed says: {REMEDY}")
    return 1 if failures or changes else 0


def main():
    parser = argparse.ArgumentParser(description="The speed table of a project without a GPU.")
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 where a kernel is worse")
    parser.add_argument("--build", default=os.path.join(toolkit.ROOT, "build", "ci"), help="folder (default: build/ci)")
    parser.add_argument("--results", default=RESULTS, help="folder of the table (default: bench/results/speed)")
    arguments = parser.parse_args()
    try:
        return (check if arguments.check else make)(arguments.build, arguments.results)
    except (toolkit.ToolFailed, OSError) as error:
        say(f"speed.py: {error}")
        return 2


if __name__ == "__main__":
    sys.exit(main())
