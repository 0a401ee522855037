# SPDX-License-Identifier: MIT
"""Of convolutions' kernels, by the tool on the emulator: wavefronts of shared memory for a slice of K, with bank
conflicts; and bytes of shared memory."""

import concurrent.futures
import json
import os
import re

import toolkit

# Of a loader: two problems that differ in K, and their slices of 64 K; and a layer like those that it is for.
PROBLEMS = {
    "1x1": (("ic128oc128_ih16kh1", 2), ("ic640oc128_ih16kh1", 10), "ic256oc128_ih56kh1"),
    "rxs": (("ic64oc128_ih16kh3ph1", 9), ("ic192oc128_ih16kh3ph1", 27), "ic128oc128_ih28kh3ph1"),
    "halo": (("ic64oc128_ih16kh3ph1", 9), ("ic192oc128_ih16kh3ph1", 27), "ic256oc256_ih14kh3ph1"),
    "narrow": (("ic32oc128_ih16kh3ph1", 5), ("ic56oc128_ih16kh3ph1", 8), "ic32oc64_ih56kh3ph1"),
    "rows": (("ic1oc128_ih16kh7ph3", 1), ("ic3oc128_ih16kh7ph3", 3), "ic3oc64_ih224oh112kh7sh2ph3"),
    "element": (("ic1oc128_ih16kh7ph3", 1), ("ic3oc128_ih16kh7ph3", 3), "ic3oc64_ih224oh112kh7sh2ph3"),
}
LOADER = re.compile(r"^conv_(\w+?)_f16_")
NOT_PINNED = ("joined", "gated", "grouped")  # parts of blocks and networks; groups' K is no whole slices
REPORT = re.compile(r"^cuemu: [\w.]+ = \d+\n?", re.MULTILINE)
COUNT = re.compile(r"^cuemu: (ctas|\w+\.wavefronts) = (\d+)$", re.MULTILINE)


def foldconv(build, *arguments, **environment):
    """(output, messages) of the tool on the emulator."""
    tool = os.path.join(build, "bench", "foldconv")
    if not os.access(tool, os.X_OK):
        raise toolkit.ToolFailed(f"there is no {tool}; build first, e.g. by tests/run.sh")
    libraries = f"{os.path.join(build, 'emulator')}:{os.environ.get('LD_LIBRARY_PATH', '')}"
    try:
        return toolkit.run_both(
            tool, *arguments, environment=os.environ | {"LD_LIBRARY_PATH": libraries} | environment
        )
    except toolkit.ToolFailed as error:
        raise toolkit.ToolFailed(REPORT.sub("", str(error)).strip()) from error


def wavefronts_of_a_cta(messages):
    counts = {name: int(value) for name, value in COUNT.findall(messages)}
    return sum(value for name, value in counts.items() if name != "ctas") / counts["ctas"]


def wavefronts_of_a_slice(build, kernel, fewer, more):
    found = []
    for problem, _ in (fewer, more):
        arguments = ("bench", "--impl", "planned", "--kernel", kernel, "--format", "csv", f"mb1_{problem}")
        _, messages = foldconv(build, *arguments, CUEMU_REPORT="1", CUEMU_ARCH="90")
        found.append(wavefronts_of_a_cta(messages))
    return (found[1] - found[0]) / (more[1] - fewer[1])


def shared_bytes(build, kernel, layer):
    arguments = ("explain", "--kernel", kernel, "--format", "json", f"mb32_{layer}")
    rows = json.loads(foldconv(build, *arguments, CUEMU_ARCH="90")[0])["rows"]
    return next(row["shared_bytes"] for row in rows if row["chosen"])


def figures(build, kernel, problems):
    fewer, more, layer = problems
    return {
        "wavefronts_counted": wavefronts_of_a_slice(build, kernel, fewer, more),
        "shared_bytes": shared_bytes(build, kernel, layer),
    }


def collect(build, kernels):
    """({kernel: {column: value}} of those that a layer can have, [what could not be counted])"""
    found, notes, running = {}, [], {}
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for kernel in kernels:
            match = LOADER.match(kernel)
            if match is None or match[1] in NOT_PINNED:
                continue
            if match[1] not in PROBLEMS:
                notes.append(f"{kernel}: bench/speed/emulated_counts.py has no problem for the loader {match[1]}")
                found[kernel] = {"shared_bytes": None}
                continue
            running[kernel] = pool.submit(figures, build, kernel, PROBLEMS[match[1]])
    for kernel, future in running.items():
        try:
            found[kernel] = future.result()
        except (toolkit.ToolFailed, KeyError, StopIteration) as error:
            notes.append(f"{kernel}: not counted: {error}")
            found[kernel] = {"shared_bytes": None}
    return found, notes
