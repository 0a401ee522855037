#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the seeded networks by `foldconv run`, and compares the logits with those recorded here.

usage: compare.py [--dtype f16|bf16|f32] FOLDCONV FOLDER [NAME...]

FOLDER gets the networks' files (make_light.py, make_resnet50.py), where it has them not. NAME: resnet50, or that of a record in
light/, as light/resnet50; without one, all. Prints a line each; exit code 1 where one differs
by more than is allowed: so many hundredths of the largest logit.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import seeded

HERE = pathlib.Path(__file__).resolve().parent
ALLOWED = {"f16": 0.03, "bf16": 0.25, "f32": 1e-4}


def names_of_records():
    light = sorted(f"light/{record.stem}" for record in (HERE / "light").glob("*.json"))
    return ["resnet50", *light]


def model_file(folder, name):
    file = folder / (f"{name}.onnx" if name.startswith("light/") else f"{name}.safetensors")
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        made = ["make_light.py", file.parent, file.stem] if name.startswith("light/") else ["make_resnet50.py", file]
        subprocess.run([sys.executable, "-B", HERE / made[0], *made[1:]], check=True)
    return file


def compare(foldconv, folder, name, dtype):
    record = json.loads((HERE / f"{name}.json").read_text())
    x = seeded.pictures(record.get("input_name", "input"), record["input_shape"])
    expected = np.array(record["logits"]).reshape(x.shape[0], -1)
    with tempfile.TemporaryDirectory() as scratch:
        source, result = pathlib.Path(scratch) / "x.npy", pathlib.Path(scratch) / "y.npy"
        np.save(source, x)
        cut = ["--outputs", record["logits_name"]] if "logits_name" in record else []
        subprocess.run([foldconv, "run", model_file(folder, name), "--input", source, "--output", result,
                        "--dtype", dtype, *cut], check=True, stdout=subprocess.DEVNULL)
        logits = np.load(result).reshape(expected.shape)
    difference, largest = np.abs(logits - expected).max(), np.abs(expected).max()
    top = (logits.argmax(axis=1) == expected.argmax(axis=1)).all()
    right = difference <= ALLOWED[dtype] * largest
    print(f"{name:20} {dtype}: {difference:.2g} of {largest:.3g}, allowed {ALLOWED[dtype] * largest:.2g}; "
          f"{'the same' if top else 'another'} top 1 {'' if right else ' FAIL'}", flush=True)
    return right


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dtype", choices=ALLOWED, default="f16")
    parser.add_argument("foldconv", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("names", metavar="NAME", nargs="*")
    arguments = parser.parse_args()
    names = arguments.names or names_of_records()
    right = [compare(arguments.foldconv.resolve(), arguments.folder, name, arguments.dtype) for name in names]
    return 0 if all(right) else 1


if __name__ == "__main__":
    sys.exit(main())
