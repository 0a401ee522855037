# SPDX-License-Identifier: MIT
"""The layers' half of the speed table: a row for each of ResNet-50's layers, blocks and stages, by the planner's
model."""

import json
import os
import re

import toolkit
from emulated_counts import foldconv

GPUS = ("h100", "a100")
IMAGES = (1, 32, 128)
LISTS = ("resnet50", "resnet50_blocks", "resnet50_stages")
# A layer's are of its kernel; of blocks' best cut the kernels, in the order of their launches.
COLUMNS = ["gpu", "list", "images", "problem", "count", "kernel", "ctas", "ctas_per_sm", "fill", "floor_us", "limit"]
COUNT = re.compile(r'n"([^"]+)"(?:\s*#\s*x(\d+))?')


def counts_of(name):
    """{problem: how often ResNet-50 has it}, as the list says: # x3"""
    with open(os.path.join(toolkit.ROOT, "bench", "shapes", f"{name}.txt"), encoding="utf-8") as file:
        lines = [line for line in file if not line.startswith("#")]
    return {match[1]: int(match[2] or 1) for line in lines if (match := COUNT.search(line))}


def fill_of(ctas, multiprocessors):
    """Share of the SMs that have work while the fullest has."""
    return ctas / (multiprocessors * -(-ctas // multiprocessors))


def explained(build, name, gpu, images):
    arguments = ("explain", "--batch", name, "--mb", str(images), "--model", gpu, "--format", "json")
    return json.loads(foldconv(build, *arguments)[0])


def rows_of(document, name, gpu, images, counts, notes):
    multiprocessors = document["header"]["multiprocessors"]
    found = {row["name"]: row for row in document["rows"] if row["chosen"]}
    rows = []
    for problem, count in counts.items():
        row = found.get(problem)
        if row is None:
            notes.append(f"{problem}, n = {images}, {gpu}: no plan")
            continue
        ctas = row["grid"]
        rows.append(
            {
                "gpu": gpu,
                "list": name,
                "images": images,
                "problem": problem,
                "count": count,
                "kernel": row["kernel"],
                "ctas": ctas,
                "ctas_per_sm": row["ctas_per_sm"],
                "fill": ctas and fill_of(ctas, multiprocessors),
                "floor_us": row["floor_us"],
                "limit": row.get("limit"),
            }
        )
    return rows


def collect(build):
    """([row], [what could not be found])"""
    rows, notes = [], []
    for gpu in GPUS:
        for name in LISTS:
            counts = counts_of(name)
            for images in IMAGES:
                document = explained(build, name, gpu, images)
                rows += rows_of(document, name, gpu, images, counts, notes)
    return rows, notes
