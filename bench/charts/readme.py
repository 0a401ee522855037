#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes a result file's table into a README, between two lines that it looks for.

    readme.py RESULT.json README.md            replaces what stands between them
    readme.py --check RESULT.json README.md    changes nothing; exit code 1 where they differ
"""

import argparse
import os
import sys

import result_file

BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"


# What the words in the table mean.
MEANINGS = {
    "planned": "what `plan()` takes",
    "chain": "a fused kernel for each convolution",
    "separate": "the same convolutions, then each BatchNorm, sum and activation as a kernel of its own",
    "direct": "the same without tensor cores",
    "cudnn": "cuDNN, an operation graph for each convolution with all that stands behind it",
    "cudnn-separate": "cuDNN's convolutions, then its calls for BatchNorm, sum and activation",
}

# What the words in the column `cut` mean.
CUTS = {
    "whole": "a kernel for each block",
    "tails": "a kernel for a block's last two convolutions and the next one's first",
    "chain": "a kernel for each convolution, where none of fewer kernels is faster",
    "mixed": "several of these in one run of blocks",
}


def planned_of(rows):
    return next((row for row in rows.values() if row["planned"] and row["right"]), None)


def others_of(result):
    """The ways that stand beside it: those that every problem has."""
    problems = [rows for _, _, rows in result.problems() if planned_of(rows)]
    ways = [way for way in result_file.WAYS if any(way in rows for rows in problems)]
    everywhere = [way for way in ways if all(rows.get(way, {}).get("right") for rows in problems)]
    return [way for way in everywhere if way not in ("planned", "whole", "tails")]


def cuts_of(result):
    """How plan() cut each problem: {(name, images): cut}. Layers have no cut."""
    planned = {(name, images): planned_of(rows) for name, images, rows in result.problems()}
    return {
        problem: "mixed" if row["way"] == "planned" else row["way"]
        for problem, row in planned.items()
        if row and row["kind"] == "block"
    }


def cell(row, figure):
    if row is None:
        return "-"
    if row["right"] is False:
        return "wrong"
    if row[f"{figure}_us"] is None:
        return "-"
    launches, microseconds = row["launches"], row[f"{figure}_us"]
    if figure == "floor":
        return f"{launches} / {row['dram_bytes'] * 1e-6:.1f} / {microseconds:.1f}"
    share = f"{row[f'{figure}_share']:.2f}" if row[f"{figure}_share"] else "-"
    return f"{launches} / {microseconds:.1f} / {share}"


def compared_of(others):
    return next((way for way in ("separate", "direct", *others) if way in others), None)


def table(result, figure):
    others, compared = others_of(result), compared_of(others_of(result))
    what = "DRAM MB / floor us" if figure == "floor" else f"{figure} us / share of its floor"
    cuts = cuts_of(result)
    titles = [f"launches / {what}", *(["cut"] if cuts else []), "planned", *others]
    titles += [f"{compared} : planned"] if compared else []
    lines = ["| " + " | ".join(titles) + " |", "| --- " * len(titles) + "|"]
    for name, images, rows in result.problems():
        label = f"{name} mb{images}" if result.several_batches() else name
        fallback = next(iter(rows.values()))  # a problem that failed
        cells = [label, *([cuts.get((name, images), "-")] if cuts else [])]
        cells.append(cell(planned_of(rows) or fallback, figure))
        cells += [cell(rows.get(other), figure) for other in others]
        if compared:
            over = rows.get(compared, {}).get(f"{figure}_over_baseline")
            cells.append("-" if over is None else f"{over:.2f}")
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def relative(path, readme):
    return os.path.relpath(path, os.path.dirname(os.path.abspath(readme))).replace(os.sep, "/")


def introduction(result):
    header = result.header
    if result.emulated:
        return (
            f"{result.what()}, by the emulator's exact counts. **Nothing here was "
            f"timed on a GPU**: floor times are the model by which `plan()` compares cuts, of each "
            f"launch the longest of DRAM, L2, the fullest SM's products and shared memory, and the launch, by the rates of "
            f"{header['copy_how'].replace('model of ', '')} "
            f"({header['copy_bytes_per_second'] * 1e-12:.1f} TB/s, "
            f"{header['gemm_flops_per_second'] * 1e-12:.0f} TFLOP/s by mma.sync, "
            f"{header['launch_us']:.1f} us a launch)."
        )
    roofs = []
    if header["copy_bytes_per_second"]:
        roofs.append(f"copy {header['copy_bytes_per_second'] * 1e-9:.0f} GB/s")
    if header["gemm_flops_per_second"]:
        roofs.append(f"gemm {header['gemm_flops_per_second'] * 1e-12:.0f} TFLOP/s")
    return (
        f"{result.what()}, measured on {result.where()}. "
        f"Roofs of the same run: {', '.join(roofs) if roofs else 'not measured'}."
    )


def block(result, path, readme):
    lines = [introduction(result), ""]
    for figure in result.figures():
        lines += table(result, figure) + [""]
    folder = os.path.dirname(os.path.abspath(path))
    charts = [(f"speedup_{figure}", "speedup") for figure in result.figures()]
    charts += [(f"roofline_{figure}", "roofline") for figure in result.figures()]
    charts.append(("traffic", "traffic"))
    links = [f"[result file]({relative(path, readme)})"]
    for file, what in charts:
        drawn = os.path.join(folder, file + ".svg")
        if os.path.exists(drawn):
            links.append(f"[{what} chart]({relative(drawn, readme)})")
    meanings = [f"{way}: {MEANINGS[way]}" for way in ("planned", *others_of(result))]
    lines.append("; ".join(meanings) + ".")
    taken = set(cuts_of(result).values())
    meanings = [f"{cut}, {CUTS[cut]}" for cut in CUTS if cut in taken]
    if meanings:
        lines.append(f"Cuts, by which no bit changes: {'; '.join(meanings)}.")
    return lines + [f"Source: {', '.join(links)}."]


def write_between(arguments, begin_line, end_line, lines):
    """Puts the lines where the README has its own between the two; or tells whether they differ. An exit code."""
    with open(arguments.readme, encoding="utf-8") as file:
        text = file.read()
    begin, end = text.find(begin_line), text.find(end_line)
    if begin < 0 or end < begin:
        raise result_file.BadResult(
            f"{arguments.readme}: it needs the lines {begin_line} and {end_line}, in this order"
        )
    updated = text[:begin] + "\n".join([begin_line, *lines, ""]) + text[end:]
    if updated == text:
        return 0
    if arguments.check:
        print(
            f"{arguments.readme} differs from {arguments.result}; "
            f"run {os.path.relpath(sys.argv[0])} on them again",
            file=sys.stderr,
        )
        return 1
    with open(arguments.readme, "w", encoding="utf-8") as file:
        file.write(updated)
    return 0


def parse_arguments(description):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if they differ")
    parser.add_argument("result", metavar="RESULT.json")
    parser.add_argument("readme", metavar="README.md")
    return parser.parse_args()


def main():
    arguments = parse_arguments("Writes a result file's table into a README.")
    result = result_file.read(arguments.result)
    return write_between(arguments, BEGIN, END, block(result, arguments.result, arguments.readme))


if __name__ == "__main__":
    result_file.main_with_messages(main)
