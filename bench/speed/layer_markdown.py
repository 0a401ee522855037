# SPDX-License-Identifier: MIT
"""The layers' half of the speed table, to be read."""

import re

from layer_table import GPUS, IMAGES, LISTS
from table_file import markdown

MEANING = """\
By `foldconv explain` on the emulated GPU: f16, convolution + ReLU. A layer: its kernel's tile; CTAs; fill, the CTAs
over those that the SMs would have if all had as many as the fullest; modelled us; what binds. Blocks and stages:
kernels, modelled us and what binds of the best cut. `xN`: so often in ResNet-50."""

TITLES = {"resnet50": "layer", "resnet50_blocks": "block", "resnet50_stages": "stage"}
NAME = re.compile(r"^(?:conv_|block_)?(.*?)_b?f16_(.*?)_sm\d+[a-z]?$")


def short(kernel):
    """rxs 128x64 of conv_rxs_f16_128x64x64_st3_sm80"""
    match = NAME.match(kernel)
    if match is None:
        return kernel
    words = [word for word in match[2].split("_") if not re.match(r"st\d+$", word)]
    return " ".join([match[1], re.sub(r"^(\d+x\d+)x64$", r"\1", words[0]), *words[1:]])


def folded(names):
    """"a, 3 x (b, c)": of what stands several times in a row the shortest part, once."""
    parts, at = [], 0
    while at < len(names):
        best = (0, 1, 1)  # names saved, length of the part, times
        for length in range(1, (len(names) - at) // 2 + 1):
            part, times = names[at : at + length], 1
            while names[at + times * length : at + (times + 1) * length] == part:
                times += 1
            best = max(best, ((times - 1) * length, length, times), key=lambda one: (one[0], -one[1]))
        _, length, times = best
        part = ", ".join(names[at : at + length])
        if times > 1:
            part = f"{times} x {part}" if length == 1 else f"{times} x ({part})"
        parts.append(part)
        at += length * times
    return ", ".join(parts)


def cell(row):
    if row is None:
        return "-"
    parts = [folded([short(kernel) for kernel in row["kernel"].split()])]
    if row["ctas"] is not None:
        parts.append(f"{row['ctas']} ({row['fill']:.2f})")
    limit = f" {row['limit']}" if row["limit"] else ""
    return "; ".join([*parts, f"{row['floor_us']:.1f}{limit}"])


def total(rows, images, weighted):
    chosen = [row for row in rows if row["images"] == images]
    return f"{sum(row['floor_us'] * (row['count'] if weighted else 1) for row in chosen):.1f}"


def lines_of(rows):
    lines = [MEANING]
    for gpu in GPUS:
        for name in LISTS:
            own = [row for row in rows if row["gpu"] == gpu and row["list"] == name]
            by_place = {(row["problem"], row["images"]): row for row in own}
            problems = list(dict.fromkeys((row["problem"], row["count"]) for row in own))
            made = [
                [problem + (f" x{count}" if count > 1 else "")]
                + [cell(by_place.get((problem, images))) for images in IMAGES]
                for problem, count in problems
            ]
            made.append([f"sum of the {len(problems)}", *(total(own, images, False) for images in IMAGES)])
            if any(count > 1 for _, count in problems):
                made.append(["each as often as in ResNet-50", *(total(own, images, True) for images in IMAGES)])
            titles = [TITLES[name], *(f"n = {images}" for images in IMAGES)]
            lines += ["", f"### {gpu.upper()}: {TITLES[name]}s", "", *markdown(titles, made)]
    return lines
