# SPDX-License-Identifier: MIT
"""What a loop's path says of its speed, for a slice of K (64 of it): counts along the path of one warp."""

import re

# Of each architecture in the table.
NAMES = (
    "slices",  # that a pass multiplies; 1, meaning a pass, where that is not known
    "instructions",
    "hmma",
    "ldsm",
    "ldgsts",
    "hmma_behind_last_ldsm",  # until the next barrier: work for the tensor cores while a warp waits there; the fewest
    "hmma_ready_at_barrier",  # behind a barrier, before the first that needs what was loaded behind it; the fewest
    "instructions_to_first_hmma",  # behind a barrier; the most
)


def registers_of(operand, count):
    match = re.match(r"R(\d+)", operand.strip())
    return range(int(match[1]), int(match[1]) + count) if match else range(0)


def between_barriers(path):
    """Parts of the path, which goes round."""
    barriers = [index for index, one in enumerate(path) if one.kind == "BAR"]
    for at, barrier in enumerate(barriers):
        if at + 1 < len(barriers):
            yield path[barrier + 1 : barriers[at + 1]]
        else:
            yield path[barrier + 1 :] + path[: barriers[0]]


def ready_products(part):
    """Products before the first that needs what was loaded in this part."""
    loaded, ready = set(), 0
    for one in part:
        if one.kind == "LDSM":
            loaded.update(registers_of(one.operands.split(",")[0], 4))
        elif one.is_mma():
            a, b = one.operands.split(",")[1:3]
            if loaded.intersection([*registers_of(a, 4), *registers_of(b, 2)]):
                break
            ready += 1
    return ready


def figures_of(path, mma_per_slice):
    """{name: value}; besides NAMES `wavefronts` and `fma`, of a warp. mma_per_slice: 0 where it is not known."""
    mma = sum(one.is_mma() for one in path)
    slices = mma // mma_per_slice if mma_per_slice and mma % mma_per_slice == 0 else 1
    behind, ready, before = [], [], []
    for part in between_barriers(path):
        products = [index for index, one in enumerate(part) if one.is_mma()]
        if products:
            last_load = max((index for index, one in enumerate(part) if one.kind == "LDSM"), default=-1)
            behind.append(sum(index > last_load for index in products))
            ready.append(ready_products(part))
            before.append(products[0])
    counts = {
        "instructions": len(path),
        "hmma": mma,
        "ldsm": sum(one.kind == "LDSM" for one in path),
        "ldgsts": sum(one.kind == "LDGSTS" for one in path),
        "wavefronts": sum(one.wavefronts() for one in path),
        "fma": sum(one.fma() for one in path),
    }
    return {
        "slices": slices,
        **{name: count / slices for name, count in counts.items()},
        "hmma_behind_last_ldsm": min(behind, default=None),
        "hmma_ready_at_barrier": min(ready, default=None),
        "instructions_to_first_hmma": max(before, default=None),
    }
