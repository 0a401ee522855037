# SPDX-License-Identifier: MIT
"""What the charts show, as numbers: nothing here draws."""

from result_file import WAYS

MEANING = {
    "floor": "floor model, not measured",
    "cold": "measured, L2 cold",
    "warm": "measured, L2 warm",
}

# The first that a problem has is what the others are compared with.
BASELINES = ("separate", "direct")


def label_of(result, name, images):
    return f"{name}\nmb{images}" if result.several_batches() else name


def planned_of(rows):
    """The way that plan() takes, if the problem has its row."""
    return next((way for way, row in rows.items() if row["planned"]), None)


def baseline_of(rows, figure):
    """`separate` or `direct`, or else the slowest way."""
    timed = {way: row[f"{figure}_us"] for way, row in rows.items() if row[f"{figure}_us"]}
    for way in BASELINES:
        if way in timed:
            return way
    return max(timed, key=timed.get) if timed else None


def speedups(result, figure):
    """[(problem, baseline, {way: times as fast as the baseline}, the planned way)]"""
    found = []
    for name, images, rows in result.problems():
        baseline = baseline_of(rows, figure)
        if baseline is None:
            continue
        base_us = rows[baseline][f"{figure}_us"]
        ratios = {
            way: base_us / row[f"{figure}_us"]
            for way, row in rows.items()
            if row[f"{figure}_us"] and way != baseline
        }
        found.append((label_of(result, name, images), baseline, ratios, planned_of(rows)))
    return found


def traffic(result):
    """[(problem, {way: DRAM bytes that the emulator counted / bytes that any way must move}, the
    planned way)]"""
    found = []
    for name, images, rows in result.problems():
        ratios = {
            way: row["dram_bytes"] / row["problem_bytes"]
            for way, row in rows.items()
            if row["dram_bytes"] and row["problem_bytes"]
        }
        if ratios:
            found.append((label_of(result, name, images), ratios, planned_of(rows)))
    return found


def ways_of(all_ratios):
    """The ways that occur, always in the same order."""
    return [way for way in WAYS if any(way in ratios for ratios in all_ratios)]


def roofline_points(result, figure):
    """[(way, problem, FLOPs per byte, TFLOP/s)]: FLOPs of the problem, bytes of the way's launches.
    Of measured times alone: those of a model lie on its roofs by definition."""
    points = []
    for name, images, rows in result.problems():
        for way, row in rows.items():
            microseconds = row[f"{figure}_us"]
            if not (microseconds and row["bytes"] and row["problem_flops"]):
                continue
            tflops = row["problem_flops"] / microseconds * 1e-6
            points.append((way, f"{name} mb{images}", row["problem_flops"] / row["bytes"], tflops))
    return points
