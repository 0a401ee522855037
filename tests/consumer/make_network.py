#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes network.onnx: 3x3 of ones over two channels, BatchNorm that does nothing, ReLU, mean, times 2 and -1, plus 0 and 1.

usage: make_network.py    needs numpy and onnx
"""

import pathlib

import numpy as np
from onnx import TensorProto, helper, numpy_helper, save

WEIGHTS = {
    "w": np.ones((1, 2, 3, 3)), "gamma": np.ones(1), "beta": np.zeros(1), "mean": np.zeros(1), "variance": np.ones(1),
    "fc": np.array([[2], [-1]]), "bias": np.array([0, 1]),
}

nodes = [
    helper.make_node("Conv", ["x", "w"], ["conv"], pads=[1, 1, 1, 1]),
    helper.make_node("BatchNormalization", ["conv", "gamma", "beta", "mean", "variance"], ["bn"], epsilon=0.0),
    helper.make_node("Relu", ["bn"], ["relu"]),
    helper.make_node("GlobalAveragePool", ["relu"], ["pooled"]),
    helper.make_node("Flatten", ["pooled"], ["flat"]),
    helper.make_node("Gemm", ["flat", "fc", "bias"], ["logits"], transB=1),
]
graph = helper.make_graph(
    nodes, "consumer",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 2, "h", "w"])],
    [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 2])],
    [numpy_helper.from_array(values.astype(np.float32), name) for name, values in WEIGHTS.items()])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
save(model, pathlib.Path(__file__).with_name("network.onnx"))
