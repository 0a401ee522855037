# SPDX-License-Identifier: MIT
"""What the tests of serving share, as a plugin of pytest: a small network with seeded weights, pictures, and the logits
of each picture alone, by a process of its own."""

import pathlib
import subprocess
import sys

import numpy as np
import onnx
import pytest
from onnx import helper

from models import model_of

ROOT = pathlib.Path(__file__).resolve().parents[3]
SIZE, CLASSES, PICTURES = 32, 10, 200


@pytest.fixture(scope="session")
def network(tmp_path_factory):
    """A file: 3x3 / 2, 3x3 and its residual, 1x1 / 2, the mean, logits."""
    rng = np.random.default_rng(7)
    extents = {"w1": (16, 3, 3, 3), "w2": (16, 16, 3, 3), "w3": (32, 16, 1, 1), "fc": (CLASSES, 32), "b": (CLASSES,)}
    weights = {name: rng.normal(0, 1 / np.sqrt(np.prod(shape[1:])), shape) for name, shape in extents.items()}
    nodes = [
        helper.make_node("Conv", ["image", "w1"], ["c1"], pads=[1] * 4, strides=[2, 2]),
        helper.make_node("Relu", ["c1"], ["r1"]),
        helper.make_node("Conv", ["r1", "w2"], ["c2"], pads=[1] * 4),
        helper.make_node("Add", ["c2", "r1"], ["sum"]),
        helper.make_node("Relu", ["sum"], ["r2"]),
        helper.make_node("Conv", ["r2", "w3"], ["c3"], strides=[2, 2]),
        helper.make_node("GlobalAveragePool", ["c3"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("Gemm", ["flat", "fc", "b"], ["logits"], transB=1),
    ]
    path = tmp_path_factory.mktemp("network") / "network.onnx"
    onnx.save(model_of(nodes, {"image": ["n", 3, "h", "w"]}, {"logits": ["n", CLASSES]}, weights), path)
    return path


@pytest.fixture(scope="session")
def pictures():
    return np.random.default_rng(8).integers(0, 256, (PICTURES, SIZE, SIZE, 3), dtype=np.uint8)


@pytest.fixture(scope="session")
def alone(network, pictures, tmp_path_factory):
    """Each picture's logits by a plan for one."""
    folder = tmp_path_factory.mktemp("alone")
    np.save(folder / "pictures.npy", pictures)
    subprocess.run([sys.executable, pathlib.Path(__file__).with_name("alone.py"), network, folder / "pictures.npy",
                    folder / "logits.npy"], check=True, timeout=300)
    logits = np.load(folder / "logits.npy")
    assert logits.shape == (PICTURES, CLASSES) and np.isfinite(logits).all()
    assert len(np.unique(logits, axis=0)) == PICTURES  # else an answer to another picture would not be seen
    return logits
