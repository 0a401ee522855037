# SPDX-License-Identifier: MIT
"""Shared-memory wavefronts of a convolution's slice of K as the emulator counts them, with bank conflicts: two runs
that differ in K alone."""

import concurrent.futures
import os
import re

import toolkit

# Of a loader: two problems, and their slices of 64 K.
PROBLEMS = {
    "1x1": (("ic128oc128_ih16kh1", 2), ("ic640oc128_ih16kh1", 10)),
    "rxs": (("ic64oc128_ih16kh3ph1", 9), ("ic192oc128_ih16kh3ph1", 27)),
    "narrow": (("ic32oc128_ih16kh3ph1", 5), ("ic56oc128_ih16kh3ph1", 8)),
    "element": (("ic1oc128_ih16kh7ph3", 1), ("ic3oc128_ih16kh7ph3", 3)),
}
LOADER = re.compile(r"^conv_(\w+?)_f16_")
NOT_PINNED = ("joined",)  # part of a block
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


def wavefronts_of_a_slice(build, kernel, problems):
    found = []
    for problem, _ in problems:
        arguments = ("bench", "--impl", "planned", "--kernel", kernel, "--format", "csv", f"mb1_{problem}")
        _, messages = foldconv(build, *arguments, CUEMU_REPORT="1", CUEMU_ARCH="80")
        found.append(wavefronts_of_a_cta(messages))
    return (found[1] - found[0]) / (problems[1][1] - problems[0][1])


def count(build, kernels):
    """({kernel: wavefronts of a CTA for a slice}, [what could not be counted])"""
    counts, notes, running = {}, [], {}
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for kernel in kernels:
            match = LOADER.match(kernel)
            if match is None or match[1] in NOT_PINNED:
                continue
            if match[1] not in PROBLEMS:
                notes.append(f"{kernel}: bench/speed/emulated_counts.py has no problem for the loader {match[1]}")
                continue
            running[kernel] = pool.submit(wavefronts_of_a_slice, build, kernel, PROBLEMS[match[1]])
    for kernel, future in running.items():
        try:
            counts[kernel] = future.result()
        except (toolkit.ToolFailed, KeyError) as error:
            notes.append(f"{kernel}: not counted: {error}")
    return counts, notes
