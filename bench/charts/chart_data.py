"""What the charts show, as numbers: nothing here draws."""

MEANING = {
    "floor": "floor model, not measured",
    "cold": "measured, L2 cold",
    "warm": "measured, L2 warm",
}

# Every way that bench knows has one colour, in every chart: matplotlib's tab10, by hand, so that a way
# that is missing moves no other.
COLOURS = {
    "planned": "#1f77b4",
    "whole": "#17becf",
    "tails": "#2ca02c",
    "chain": "#bcbd22",
    "separate": "#ff7f0e",
    "direct": "#8c564b",
    "cudnn": "#d62728",
    "cudnn-separate": "#e377c2",
}

# The slowest comes first; the first that a problem has is what the others are compared with.
BASELINES = ("separate", "direct")


def colour(way):
    return COLOURS.get(way, "#7f7f7f")


def baseline_name(rows, figure):
    """`separate` or `direct`, or else the slowest way."""
    timed = {name: row[f"{figure}_us"] for name, row in rows.items() if row[f"{figure}_us"]}
    for name in BASELINES:
        if name in timed:
            return name
    return max(timed, key=timed.get) if timed else None


def label_of(result, name, images):
    return f"{name}\nmb{images}" if result.several_batches() else name


def planned_of(rows):
    return next((name for name, row in rows.items() if row["planned"]), None)


def speedups(result, figure):
    """[(problem, baseline, {way: times as fast as the baseline}, the planned one)]"""
    found = []
    for name, images, rows in result.problems():
        baseline = baseline_name(rows, figure)
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


def ways(entries):
    """All that occur, in the order of their first appearance."""
    return list(dict.fromkeys(name for _, _, ratios, _ in entries for name in ratios))


def traffic(result):
    """[(problem, None, {way: bytes counted over the problem's compulsory ones}, the planned one)], of
    the emulator: counted, so that it can be wrong, unlike a roofline of a model's own times."""
    found = []
    for name, images, rows in result.problems():
        ratios = {
            way: row["dram_bytes"] / row["problem_bytes"]
            for way, row in rows.items()
            if row["dram_bytes"] and row["problem_bytes"]
        }
        if ratios:
            found.append((label_of(result, name, images), None, ratios, planned_of(rows)))
    return found


def roofline_points(result, figure):
    """[(way, problem, FLOPs per byte, TFLOP/s)]: FLOPs of the problem, bytes that the way's launches
    cannot avoid. Of times only."""
    points = []
    for name, images, rows in result.problems():
        for way, row in rows.items():
            microseconds = row[f"{figure}_us"]
            if not (microseconds and row["bytes"] and row["problem_flops"]):
                continue
            tflops = row["problem_flops"] / microseconds * 1e-6
            points.append((way, f"{name} mb{images}", row["problem_flops"] / row["bytes"], tflops))
    return points
