# SPDX-License-Identifier: MIT
"""Compares kernels with those of a committed table."""

WORSE = 0.03  # more is a failure

# What is compared: the kernel's or loop's figure, and what it is called.
OF_KERNEL = {
    "registers_f16_sm80": "registers",
    "registers_bf16_sm80": "registers in bf16",
    "local_bytes_sm80": "bytes of local memory",
    "wavefronts_counted": "shared-memory wavefronts of a slice, as the emulator counts them",
}
# For each HMMA: a loop may be unrolled, and warps' tiles may grow.
OF_LOOP = {"instructions_sm80": "instructions", "wavefronts": "shared-memory wavefronts"}


def by_kernel(rows):
    kernels = {}
    for row in rows:
        kernels.setdefault(row["kernel"], {})[row["loop"]] = row
    return kernels


def came_and_went(committed, now):
    """Kernels that are in one of the two alone, a line each."""
    old, new = by_kernel(committed), by_kernel(now)
    lines = [f"{kernel}: in the table, but not compiled" for kernel in old if kernel not in new]
    return lines + [f"{kernel}: compiled, but not in the table" for kernel in new if kernel not in old]


def compare(committed, now):
    """([failures], [improvements]) of the kernels in both, a line each"""
    failures, improvements = [], []

    def judge(where, what, before, after):
        if before is None or after is None:
            if before is not None:
                failures.append(f"{where}: {what} not found, {before:g} in the table")
        elif after > before * (1 + WORSE):
            failures.append(f"{where}: {after:.4g} {what}, {before:.4g} in the table{share(before, after)}")
        elif after < before * (1 - WORSE):
            improvements.append(f"{where}: {after:.4g} {what}, {before:.4g} in the table{share(before, after)}")

    old, new = by_kernel(committed), by_kernel(now)
    for kernel, loops in new.items():
        if kernel not in old:
            continue
        before, after = next(iter(old[kernel].values())), next(iter(loops.values()))
        for column, what in OF_KERNEL.items():
            judge(kernel, what, before[column], after[column])
        names = loops_of(old[kernel])
        if names != loops_of(loops):
            failures.append(
                f"{kernel}: its loops with HMMA are {listed(loops_of(loops))}; in the table {listed(names)}"
            )
            continue
        for name in names:
            for column, what in OF_LOOP.items():
                rates = [for_each_mma(one[kernel][name], column) for one in (old, new)]
                judge(f"{kernel}, loop {name}", f"{what} for each HMMA", *rates)
    return failures, improvements


def loops_of(rows):
    """Of sm_80."""
    return [name for name, row in rows.items() if row["hmma_sm80"] is not None]


def listed(names):
    return ", ".join(names) or "none"


def for_each_mma(row, column):
    if row[column] is None or not row["hmma_sm80"]:
        return None
    warps = row["threads"] / 32 if column == "wavefronts" else 1
    return row[column] / row["hmma_sm80"] / warps


def share(before, after):
    return f" ({(after / before - 1) * 100:+.1f} %)" if before else ""
