"""What the charts show, as numbers: nothing here draws."""

MEANING = {
    "floor": "floor model, not measured",
    "cold": "measured, L2 cold",
    "warm": "measured, L2 warm",
}

# The slowest comes first; the first that a problem has is what the others are compared with.
BASELINES = ("separate", "unfused")


def baseline_name(rows, figure):
    """`separate` or `unfused`, or else the slowest implementation."""
    timed = {name: row[f"{figure}_us"] for name, row in rows.items() if row[f"{figure}_us"]}
    for name in BASELINES:
        if name in timed:
            return name
    return max(timed, key=timed.get) if timed else None


def speedups(result, figure):
    """[(problem, baseline, {implementation: times as fast as the baseline}, the planned one)]"""
    found = []
    for name, images, rows in result.problems():
        baseline = baseline_name(rows, figure)
        if baseline is None:
            continue
        base_us = rows[baseline][f"{figure}_us"]
        ratios = {
            implementation: base_us / row[f"{figure}_us"]
            for implementation, row in rows.items()
            if row[f"{figure}_us"] and implementation != baseline
        }
        label = f"{name}\nmb{images}" if result.several_batches() else name
        planned = next((name for name, row in rows.items() if row["planned"]), None)
        found.append((label, baseline, ratios, planned))
    return found


def implementations(entries):
    """All that occur, in the order of their first appearance."""
    return list(dict.fromkeys(name for _, _, ratios, _ in entries for name in ratios))


def roofline_points(result, figure):
    """[(implementation, problem, FLOPs per byte, TFLOP/s)]: FLOPs of the problem, bytes of the
    implementation's launches (as counted, where the emulator counts)."""
    points = []
    for name, images, rows in result.problems():
        for implementation, row in rows.items():
            microseconds = row[f"{figure}_us"]
            moved = row["dram_bytes"] or row["bytes"]
            if not (microseconds and moved and row["problem_flops"]):
                continue
            tflops = row["problem_flops"] / microseconds * 1e-6
            points.append((implementation, f"{name} mb{images}", row["problem_flops"] / moved, tflops))
    return points
