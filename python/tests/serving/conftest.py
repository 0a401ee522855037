# SPDX-License-Identifier: MIT
"""A small network with seeded weights, pictures, and the logits of each picture alone, by a process of its own."""
import importlib.util
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

# python/run.sh looks in here, too, and has no Ray: run.sh beside this file installs it.
collect_ignore_glob = [] if importlib.util.find_spec("ray") else ["*_test.py"]

ROOT = pathlib.Path(__file__).resolve().parents[3]
SIZE, CLASSES, PICTURES = 32, 10, 200


@pytest.fixture(scope="session")
def network(tmp_path_factory):
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    random = np.random.default_rng(7)
    weights = {"w1": (16, 3, 3, 3), "w2": (16, 16, 3, 3), "w3": (32, 16, 1, 1), "fc": (CLASSES, 32), "b": (CLASSES,)}
    nodes = [
        helper.make_node("Conv", ["x", "w1"], ["c1"], pads=[1, 1, 1, 1], strides=[2, 2]),
        helper.make_node("Relu", ["c1"], ["r1"]),
        helper.make_node("Conv", ["r1", "w2"], ["c2"], pads=[1, 1, 1, 1]),
        helper.make_node("Add", ["c2", "r1"], ["a2"]),
        helper.make_node("Relu", ["a2"], ["r2"]),
        helper.make_node("Conv", ["r2", "w3"], ["c3"], strides=[2, 2]),
        helper.make_node("GlobalAveragePool", ["c3"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("Gemm", ["flat", "fc", "b"], ["logits"], transB=1),
    ]
    values = {name: random.normal(0, 1 / np.sqrt(np.prod(shape[1:])), shape) for name, shape in weights.items()}
    graph = helper.make_graph(
        nodes, "small", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, SIZE, SIZE])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", CLASSES])],
        [numpy_helper.from_array(value.astype(np.float32), name) for name, value in values.items()])
    path = tmp_path_factory.mktemp("network") / "network.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
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
                    folder / "logits.npy"], check=True, timeout=300, env=os.environ)
    logits = np.load(folder / "logits.npy")
    assert logits.shape == (PICTURES, CLASSES) and np.isfinite(logits).all()
    assert len(np.unique(logits, axis=0)) == PICTURES  # else an answer to another picture would not be seen
    return logits
