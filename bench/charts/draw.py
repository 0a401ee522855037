#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Draws the charts of a result file.

    draw.py RESULT.json OUTDIR     speedup_*.png, .svg; of times roofline_*, of counts traffic.*
    draw.py --check RESULT.json    checks the file and prints what would be drawn; needs no matplotlib
"""

import argparse
import os
import sys
import textwrap

import chart_data
import result_file

# One colour for one way in every chart; distinct for the colour-blind, too.
COLOURS = {
    "planned": "#0072B2",
    "whole": "#56B4E9",
    "tails": "#009E73",
    "chain": "#E69F00",
    "separate": "#999999",
    "direct": "#8C510A",
    "cudnn": "#CC79A7",
    "cudnn-separate": "#D55E00",
}


def ratios_text(ratios):
    return ", ".join(f"{way} {ratio:.2f}" for way, ratio in ratios.items())


def print_tables(result):
    print(result.where() + (", CUT SHORT" if result.cut_short else ""))
    for figure in result.figures():
        entries = chart_data.speedups(result, figure)
        print(f"\ntimes as fast as the baseline ({chart_data.MEANING[figure]})")
        for label, baseline, ratios, _ in entries:
            print(f"  {label.replace(chr(10), ' ')}: {baseline} 1.00, {ratios_text(ratios)}")
        if result.emulated:
            continue
        print(f"roofline ({chart_data.MEANING[figure]})")
        for way, problem, intensity, tflops in chart_data.roofline_points(result, figure):
            print(f"  {problem} {way}: {intensity:.1f} FLOP/B, {tflops:.1f} TFLOP/s")
    if result.emulated:
        print("DRAM bytes / compulsory bytes (counted)")
        for label, ratios, _ in chart_data.traffic(result):
            print(f"  {label.replace(chr(10), ' ')}: {ratios_text(ratios)}")


def import_matplotlib():
    import matplotlib

    matplotlib.use("Agg")
    # The same file for the same numbers; text stays text.
    matplotlib.rcParams.update(
        {"svg.hashsalt": "foldconv", "svg.fonttype": "none", "font.size": 9, "axes.axisbelow": True}
    )
    from matplotlib import pyplot

    return pyplot


def save(figure, folder, name):
    figure.savefig(os.path.join(folder, name + ".png"), dpi=150)
    figure.savefig(os.path.join(folder, name + ".svg"), metadata={"Date": None})


def title(axes, result):
    characters = int(14 * axes.figure.get_figwidth())
    lines = [result.what(), *textwrap.wrap(result.where(), characters)]
    axes.set_title("\n".join(lines), fontsize=9, loc="left")


def draw_bars(pyplot, result, entries, meaning, folder, name):
    """A group of bars for each of `entries`: (problem, {way: ratio}, the planned way)."""
    if not entries:
        return
    ways = chart_data.ways_of([ratios for _, ratios, _ in entries])
    drawing, axes = pyplot.subplots(
        figsize=(max(6.0, 1.5 + 0.22 * len(entries) * (len(ways) + 1)), 3.6), layout="constrained"
    )
    width = 0.8 / max(len(ways), 1)
    for at, way in enumerate(ways):
        places, heights, texts = [], [], []
        for entry, (_, ratios, planned) in enumerate(entries):
            if way in ratios:
                places.append(entry + (at - (len(ways) - 1) / 2) * width)
                heights.append(ratios[way])
                texts.append(f"{ratios[way]:.1f}" + ("*" if way == planned else ""))
        bars = axes.bar(places, heights, width, label=way, color=COLOURS[way])
        axes.bar_label(bars, texts, fontsize=6, padding=1)
    axes.axhline(1, color="black", linewidth=0.8)
    if max(max(ratios.values(), default=1) for _, ratios, _ in entries) > 12:
        axes.set_yscale("log")
    axes.margins(y=0.12)
    axes.set_xticks(range(len(entries)), [label for label, *_ in entries])
    if len(entries) > 6:
        axes.tick_params(axis="x", rotation=60)
    axes.set_ylabel(meaning)
    if any(planned for *_, planned in entries):
        axes.set_xlabel("*: what plan() takes", fontsize=7)
    axes.grid(axis="y", linewidth=0.4)
    axes.legend(ncols=4, fontsize=7, loc="upper right")
    title(axes, result)
    save(drawing, folder, name)
    pyplot.close(drawing)


def draw_speedups(pyplot, result, figure, folder):
    entries = chart_data.speedups(result, figure)
    baselines = " or ".join(dict.fromkeys(baseline for _, baseline, *_ in entries))
    draw_bars(
        pyplot,
        result,
        [(label, ratios, planned) for label, _, ratios, planned in entries],
        f"times as fast as {baselines}\n({chart_data.MEANING[figure]})",
        folder,
        f"speedup_{figure}",
    )


def draw_traffic(pyplot, result, folder):
    draw_bars(
        pyplot,
        result,
        chart_data.traffic(result),
        "DRAM bytes / compulsory bytes\n(counted by the emulator)",
        folder,
        "traffic",
    )


def draw_roofs(axes, result, intensities):
    copy = result.header["copy_bytes_per_second"]
    gemm = result.header["gemm_flops_per_second"]
    kind = result.header["roofs"]
    low, high = min(intensities) / 2, max(intensities) * 2
    if copy and gemm:
        high = max(high, 2 * gemm / copy)
    if copy:
        end = gemm / copy if gemm else high
        axes.plot(
            [low, end],
            [low * copy * 1e-12, end * copy * 1e-12],
            color="black",
            label=f"copy, {kind}: {copy * 1e-9:.0f} GB/s",
        )
    if gemm:
        begin = gemm / copy if copy else low
        axes.plot(
            [begin, high],
            [gemm * 1e-12] * 2,
            color="black",
            linestyle="--",
            label=f"gemm, {kind}: {gemm * 1e-12:.0f} TFLOP/s",
        )


def draw_roofline(pyplot, result, figure, folder):
    points = chart_data.roofline_points(result, figure)
    if not points:
        return
    drawing, axes = pyplot.subplots(figsize=(6.4, 4.2), layout="constrained")
    draw_roofs(axes, result, [point[2] for point in points])
    for way in chart_data.ways_of([{point[0] for point in points}]):
        mine = [point for point in points if point[0] == way]
        axes.scatter([p[2] for p in mine], [p[3] for p in mine], s=18, label=way, color=COLOURS[way])
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("FLOPs of the problem / bytes of the launches")
    axes.set_ylabel(f"TFLOP/s ({chart_data.MEANING[figure]})")
    axes.grid(which="both", linewidth=0.3)
    axes.legend(fontsize=7)
    title(axes, result)
    save(drawing, folder, f"roofline_{figure}")
    pyplot.close(drawing)


def main():
    parser = argparse.ArgumentParser(description="Draws the charts of a result file.")
    parser.add_argument("--check", action="store_true", help="draw nothing, print what would be drawn")
    parser.add_argument("result", metavar="RESULT.json")
    parser.add_argument("folder", metavar="OUTDIR", nargs="?")
    arguments = parser.parse_args()
    result = result_file.read(arguments.result)
    if arguments.check:
        print_tables(result)
        return 0
    if arguments.folder is None:
        parser.error("OUTDIR is missing")
    try:
        pyplot = import_matplotlib()
    except ImportError:
        print("matplotlib is missing; use bench/charts/run.sh, which installs it", file=sys.stderr)
        return 1
    os.makedirs(arguments.folder, exist_ok=True)
    for figure in result.figures():
        draw_speedups(pyplot, result, figure, arguments.folder)
        if not result.emulated:
            draw_roofline(pyplot, result, figure, arguments.folder)
    if result.emulated:
        draw_traffic(pyplot, result, arguments.folder)
    return 0


if __name__ == "__main__":
    result_file.main_with_messages(main)
