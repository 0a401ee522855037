#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the table of a whole network, of `foldconv bench --network MODEL --format json`, into a README, between two lines that
it looks for.

    network_readme.py RESULT.json README.md            replaces what stands between them
    network_readme.py --check RESULT.json README.md    changes nothing; exit code 1 where they differ
"""

import json

import readme
import result_file

BEGIN, END = "<!-- network: begin -->", "<!-- network: end -->"
WAYS = {
    "planned": "what `Network::plan()` takes",
    "chain": "a fused kernel for each convolution",
    "separate": "BatchNorm folded, and nothing else fused",
}


def cell(row, time):
    figures = [str(row["launches"]), f"{row['dram_bytes'] * 1e-6:.1f}", f"{row['floor_us']:.1f}"]
    return " / ".join(figures + ([f"{row[time]:.1f}"] if time else []))


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            result = json.load(file)
        result["header"]["network"]
        {(row["images"], row["way"]): cell(row, None) for row in result["rows"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise result_file.BadResult(f"{path}: no result of a network: {error}") from error
    return result


def lines_of(result, path, readme_path):
    header, rows = result["header"], result["rows"]
    timed = next((time for time in ("cold_us", "warm_us") if all(row[time] is not None for row in rows)), None)
    ways = [way for way in WAYS if any(row["way"] == way for row in rows)]
    where = f"by plan()'s model of {header['model']}: **nothing here was timed on a GPU**" if not timed else f"on {header['device']}"
    what = " / ".join(["launches", "DRAM MB", "floor us", *([f"{timed[:-3]} us"] if timed else [])])
    lines = [f"{header['network']}, {header['dtype']}, whole, from pixels to logits, {where}.", ""]
    lines += [f"| {what} | {' | '.join(ways)} |", "| --- " * (len(ways) + 1) + "|"]
    by_place = {(row["images"], row["way"]): row for row in rows}
    for images in sorted({row["images"] for row in rows}):
        cells = [cell(by_place[images, way], timed) for way in ways]
        lines.append(f"| n = {images} | {' | '.join(cells)} |")
    meanings = "; ".join(f"{way}: {WAYS[way]}" for way in ways)
    source = f"[result file]({readme.relative(path, readme_path)})"
    return lines + ["", f"{meanings}. Source: {source}."]


def main():
    arguments = readme.parse_arguments("Writes a network's table into a README.")
    lines = lines_of(read(arguments.result), arguments.result, arguments.readme)
    return readme.write_between(arguments, BEGIN, END, lines)


if __name__ == "__main__":
    result_file.main_with_messages(main)
