#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the tables of whole networks, of `foldconv bench --network MODEL --format json`, into a README, between two lines that it
looks for. A row a network, in the order of the files.

    network_readme.py RESULT.json... README.md            replaces what stands between them
    network_readme.py --check RESULT.json... README.md    changes nothing; exit code 1 where they differ
"""

import argparse
import json

import readme
import result_file

BEGIN, END = "<!-- network: begin -->", "<!-- network: end -->"
WAYS = {
    "planned": "what `Network::plan()` takes",
    "chain": "a fused kernel for each convolution",
    "separate": "each convolution, BatchNorm, sum and activation as a kernel of its own",
}


class NetworkResult:
    def __init__(self, path):
        self.path = path
        try:
            with open(path, encoding="utf-8") as file:
                result = json.load(file)
            self.header = result["header"]
            self.name = self.header["network"]
            self.rows = {(row["images"], row["way"]): row for row in result["rows"]}
            self.batches = sorted({images for images, _ in self.rows})
            for row in result["rows"]:
                if row["dram_bytes"] is None:
                    raise result_file.BadResult(f"{path}: {row['way']} at {row['images']} images: {row['reason']}")
            self.timed = next((time for time in ("cold_us", "warm_us")
                               if all(row[time] is not None for row in result["rows"])), None)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise result_file.BadResult(f"{path}: no result of a network: {error}") from error

    def figures(self, images, figure, scale, digits):
        return " / ".join(f"{self.rows[images, way][figure] * scale:.{digits}f}" for way in WAYS)

    def share(self, images, of):
        planned, other = (self.rows[images, way]["dram_bytes"] for way in ("planned", of))
        return f"{planned / other:.2f}"


def table(results, title, figure, scale, digits, shares):
    batches = results[0].batches
    titles = [title, *(f"n = {images}" for images in batches)]
    others = [way for way in WAYS if way != "planned"] if shares else []
    titles += [f"of {way}, n = {batches[-1]}" for way in others]
    lines = ["| " + " | ".join(titles) + " |", "| --- " * len(titles) + "|"]
    for result in results:
        cells = [result.name, *(result.figures(images, figure, scale, digits) for images in batches)]
        cells += [result.share(batches[-1], way) for way in others]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def lines_of(results, readme_path):
    header, timed = results[0].header, results[0].timed
    if any((result.timed, result.batches) != (timed, results[0].batches) for result in results):
        raise result_file.BadResult("the results have not the same batch sizes or times")
    where = (f"on {header['device']}" if timed else
             f"by plan()'s model of {header['model']}: **nothing here was timed on a GPU**")
    lines = [f"{header['dtype']}, whole networks, from pixels to their outputs, {where}. In each cell {' / '.join(WAYS)}.", ""]
    lines += table(results, "DRAM MB", "dram_bytes", 1e-6, 1, True) + [""]
    time = timed or "floor_us"
    lines += table(results, f"{time.removesuffix('_us')} us", time, 1, 0, False) + [""]
    meanings = "; ".join(f"{way}: {meaning}" for way, meaning in WAYS.items())
    links = ", ".join(f"[{result.name}]({readme.relative(result.path, readme_path)})" for result in results)
    return lines + [f"{meanings}. Sources, with launches and workspaces: {links}."]


def main():
    parser = argparse.ArgumentParser(description="Writes the tables of networks into a README.")
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if they differ")
    parser.add_argument("results", metavar="RESULT.json", nargs="+")
    parser.add_argument("readme", metavar="README.md")
    arguments = parser.parse_args()
    arguments.result = " ".join(arguments.results)
    lines = lines_of([NetworkResult(path) for path in arguments.results], arguments.readme)
    return readme.write_between(arguments, BEGIN, END, lines)


if __name__ == "__main__":
    result_file.main_with_messages(main)
