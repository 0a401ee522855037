# SPDX-License-Identifier: MIT
"""Reads what `foldconv bench --format json` writes, and says what is wrong with it.

The fields are described in bench/results/README.md; FIELDS and HEADER below are the same in short.
Needs nothing but Python 3.9.
"""

import json
import sys

SCHEMA = 2

# The tool's words for its ways to compute a problem; bench/results/README.md says what they mean.
WAYS = ("planned", "whole", "tails", "chain", "separate", "direct", "cudnn", "cudnn-separate")

NUMBER, TEXT, FLAG = (int, float), (str,), (bool,)

# Field: (type, whether it may be null).
HEADER = {
    "schema": (NUMBER, False),
    "command": (TEXT, False),
    "version": (TEXT, False),
    "git": (TEXT, True),
    "date": (TEXT, False),
    "device": (TEXT, False),
    "emulated": (FLAG, False),
    "architecture": (TEXT, False),
    "multiprocessors": (NUMBER, False),
    "l2_bytes": (NUMBER, False),
    "sm_clock_max_mhz": (NUMBER, True),
    "memory_clock_max_mhz": (NUMBER, True),
    "sm_clock_mhz": (NUMBER, True),
    "memory_clock_mhz": (NUMBER, True),
    "driver": (TEXT, True),
    "cuda_driver": (TEXT, True),
    "cuda_runtime": (TEXT, True),
    "cudnn": (TEXT, True),
    "dtype": (TEXT, False),
    "layer": (TEXT, False),
    "seed": (NUMBER, False),
    "model": (TEXT, True),
    "roofs": (TEXT, False),
    "copy_bytes_per_second": (NUMBER, True),
    "copy_noise_percent": (NUMBER, True),
    "copy_how": (TEXT, True),
    "copy_reason": (TEXT, True),
    "gemm_flops_per_second": (NUMBER, True),
    "gemm_noise_percent": (NUMBER, True),
    "gemm_how": (TEXT, True),
    "gemm_reason": (TEXT, True),
    "fp32_flops_per_second": (NUMBER, True),
    "empty_span_us": (NUMBER, True),
    "l2": (TEXT, True),
    "seconds_limit": (NUMBER, True),
    "uncertainty_limit_percent": (NUMBER, True),
}

TIMES = {
    "us": (NUMBER, True),
    "noise_percent": (NUMBER, True),
    "uncertainty_percent": (NUMBER, True),
    "samples": (NUMBER, True),
    "stopped": (TEXT, True),
    "share": (NUMBER, True),
    "tflops": (NUMBER, True),
    "gigabytes_per_second": (NUMBER, True),
    "over_baseline": (NUMBER, True),
}

FIELDS = {
    "name": (TEXT, False),
    "descriptor": (TEXT, False),
    "kind": (TEXT, False),
    "images": (NUMBER, False),
    "way": (TEXT, False),
    "kernel": (TEXT, False),
    "planned": (FLAG, False),
    "baseline": (FLAG, False),
    "right": (FLAG, True),
    "reason": (TEXT, True),
    "launches": (NUMBER, True),
    "problem_bytes": (NUMBER, True),
    "problem_flops": (NUMBER, True),
    "bytes": (NUMBER, True),
    "flops": (NUMBER, True),
    "floor_us": (NUMBER, True),
    "limit": (TEXT, True),
    "floor_over_baseline": (NUMBER, True),
    "planner_floor_us": (NUMBER, True),
    **{f"cold_{name}": kind for name, kind in TIMES.items()},
    **{f"warm_{name}": kind for name, kind in TIMES.items()},
    "dram_bytes": (NUMBER, True),
    "mma_instructions": (NUMBER, True),
    "mma_flops": (NUMBER, True),
    "fma_flops": (NUMBER, True),
    "wavefronts_over_ideal": (NUMBER, True),
}

FIGURES = [name for name in FIELDS if name.startswith(("cold_", "warm_", "floor_", "planner_"))]


class BadResult(Exception):
    """What is wrong with a result file."""


def parse(text):
    """The document. A run that was cut short lacks the end; its finished rows are kept."""
    try:
        return json.loads(text), False
    except json.JSONDecodeError as error:
        rows_end = text.rfind("}")
        while rows_end > 0:
            try:
                return json.loads(text[: rows_end + 1] + '\n],"summary": {}}'), True
            except json.JSONDecodeError:
                rows_end = text.rfind("}", 0, rows_end)
        raise BadResult(f"no JSON of foldconv bench: {error}") from error


def check_fields(what, values, known):
    problems = []
    for name, (kinds, may_be_null) in known.items():
        if name not in values:
            problems.append(f"{what}: `{name}` is missing")
            continue
        value = values[name]
        if value is None:
            if not may_be_null:
                problems.append(f"{what}: `{name}` is null")
            continue
        # A bool is an int to Python.
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            problems.append(f"{what}: `{name}` is {value!r}")
    problems += [f"{what}: `{name}` is not in the schema" for name in values if name not in known]
    return problems


def problems_of(document):
    """What breaks the schema, a line each."""
    if not isinstance(document, dict) or not {"header", "rows", "summary"} <= document.keys():
        return ["it needs `header`, `rows` and `summary`"]
    header = document["header"]
    if header.get("schema") != SCHEMA:
        return [f"schema {header.get('schema')!r}: only {SCHEMA} is known"]
    if header.get("command") != "bench":
        return [f"it is of `foldconv {header.get('command')}`, not of bench"]
    problems = check_fields("header", header, HEADER)
    for at, row in enumerate(document["rows"]):
        what = f"row {at} ({row.get('descriptor')}, {row.get('way')})"
        problems += check_fields(what, row, FIELDS)
        # A problem that failed as a whole has no way.
        if row.get("way") and row["way"] not in WAYS:
            problems.append(f"{what}: the ways are {', '.join(WAYS)}")
        if row.get("right") is not True:
            known = [name for name in FIGURES if row.get(name) is not None]
            problems += [f"{what}: has `{name}` but no right result" for name in known]
    if header.get("emulated"):
        timed = [
            name for row in document["rows"] for name in ("cold_us", "warm_us") if row.get(name)
        ]
        if timed:
            problems.append("times of an emulator")
    return problems


class Result:
    """A result file that keeps to the schema."""

    def __init__(self, document, cut_short):
        problems = problems_of(document)
        if problems:
            raise BadResult("\n".join(problems))
        self.header = document["header"]
        self.rows = document["rows"]
        self.summary = document["summary"]
        self.cut_short = cut_short

    @property
    def emulated(self):
        return self.header["emulated"]

    def figures(self):
        """Which of floor, cold and warm there are to compare: times where there are any."""
        timed = [f for f in ("cold", "warm") if any(row[f"{f}_us"] for row in self.rows)]
        return timed or ["floor"]

    def problems(self):
        """The rows of each problem, in the file's order: [(name, images, {way: row})]."""
        found = {}
        for row in self.rows:
            key = (row["name"] or row["descriptor"], row["descriptor"], row["images"])
            found.setdefault(key, {})[row["way"]] = row
        return [(name, images, rows) for (name, _, images), rows in found.items()]

    def several_batches(self):
        return len({row["images"] for row in self.rows}) > 1

    def what(self):
        """A few words on the problems."""
        kinds = {row["kind"] for row in self.rows}
        parts = [self.header["dtype"]]
        if "block" in kinds:
            parts.append("residual blocks")
        if "layer" in kinds:
            parts.append(self.header["layer"])
        if self.rows and not self.several_batches():
            parts.append(f"batch {self.rows[0]['images']}")
        return ", ".join(parts)

    def where(self):
        """A line that says what it was measured on."""
        header = self.header
        parts = [header["device"]]
        if header["sm_clock_mhz"]:
            parts.append(f"SM clock {header['sm_clock_mhz']} MHz")
        if header["driver"]:
            parts.append(f"driver {header['driver']}")
        if header["cuda_runtime"]:
            parts.append(f"CUDA {header['cuda_runtime']}")
        if header["cudnn"]:
            parts.append(f"cuDNN {header['cudnn']}")
        if header["git"]:
            parts.append(f"foldconv {header['git']}")
        parts.append(header["date"][:10])
        return ", ".join(parts)


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except OSError as error:
        raise BadResult(f"{path}: {error.strerror}") from error
    try:
        return Result(*parse(text))
    except BadResult as error:
        raise BadResult(f"{path}: {error}") from error


def main_with_messages(main):
    """Runs main(); errors become a message and exit code 1."""
    try:
        sys.exit(main())
    except BadResult as error:
        print(error, file=sys.stderr)
        sys.exit(1)
