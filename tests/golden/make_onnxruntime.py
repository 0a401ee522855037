#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Records what ONNX Runtime computes for small convolutions: a second opinion from other people's code.

    python3 -m venv venv && venv/bin/pip install onnx==1.23.2 onnxruntime==1.31.1 safetensors==0.8.0 numpy==2.4.6
    venv/bin/python make_onnxruntime.py

Writes convs/NAME.safetensors for each case: x (NHWC), weights (KCRS), conv_bias, gamma, beta, mean, variance and
y (NPQK) in fp32; the problem and BatchNorm's eps stand in the file's metadata. x and weights are exact in fp16.
Optimisations are off, so that Conv and BatchNormalization run as they stand in the model.
"""

import pathlib
from dataclasses import dataclass

import numpy as np
import onnx
import onnxruntime
import safetensors.numpy
from onnx import TensorProto, helper

from reproducible import reproducible


@dataclass
class Case:
    name: str
    n: int
    h: int
    w: int
    c: int
    k: int
    r: int = 1
    s: int = 1
    stride: tuple = (1, 1)
    pad: tuple = (0, 0, 0, 0)  # top, bottom, left, right
    dilation: tuple = (1, 1)
    groups: int = 1
    activation: str = "none"
    alpha: float = 0.01
    conv_bias: bool = False
    eps: float = 0.0  # 0: no BatchNorm


CASES = [
    Case("conv_bn_relu", 2, 7, 6, 16, 16, 3, 3, pad=(1, 1, 1, 1), activation="relu", eps=1e-5),
    Case("conv_bias_bn_relu", 1, 7, 6, 16, 24, 3, 3, pad=(1, 1, 1, 1), activation="relu", conv_bias=True, eps=1e-3),
    Case("conv_bn", 1, 7, 6, 64, 16, eps=1e-5),
    Case("conv_bias_bn", 1, 6, 5, 72, 8, 3, 3, pad=(1, 1, 1, 1), conv_bias=True, eps=1e-3),
    Case("conv", 1, 6, 7, 8, 9, 3, 3),
    Case("conv_bias", 1, 6, 7, 8, 9, 3, 3, conv_bias=True),
    Case("conv_relu", 1, 5, 5, 32, 16, activation="relu"),
    Case("conv_bias_sigmoid", 1, 6, 6, 24, 16, 3, 3, activation="sigmoid", conv_bias=True),
    Case("conv_bias_tanh", 1, 6, 6, 24, 16, 3, 3, pad=(1, 1, 1, 1), activation="tanh", conv_bias=True),
    Case("conv_bn_leaky_relu", 1, 6, 6, 16, 16, 3, 3, activation="leaky_relu", alpha=0.125, eps=1e-5),
    Case("conv_bn_hardswish", 1, 6, 6, 16, 16, 3, 3, activation="hardswish", eps=1e-5),
    Case("conv_bn_relu6", 1, 6, 6, 16, 16, 3, 3, activation="relu6", eps=1e-5),
    Case("stem_stride_2", 1, 19, 17, 3, 16, 7, 7, stride=(2, 2), pad=(3, 3, 3, 3), activation="relu", eps=1e-5),
    Case("asymmetric_pad_stride", 2, 8, 9, 16, 8, 3, 2, stride=(2, 1), pad=(0, 1, 2, 0), activation="relu", eps=1e-5),
    Case("dilated", 1, 9, 10, 8, 8, 3, 3, pad=(2, 2, 3, 3), dilation=(2, 3), eps=1e-5),
    Case("groups", 1, 7, 6, 32, 32, 3, 3, pad=(1, 1, 1, 1), groups=2, activation="relu", conv_bias=True, eps=1e-5),
    Case("depthwise", 1, 8, 8, 24, 24, 3, 3, stride=(2, 2), pad=(1, 1, 1, 1), groups=24, activation="relu6", eps=1e-3),
    Case("row_1x7", 1, 4, 9, 64, 8, 1, 7, pad=(0, 0, 3, 3), activation="relu", eps=1e-5),
]


def parameters(case, random):
    half = lambda a: a.astype(np.float16).astype(np.float32)
    channels = lambda a: a.astype(np.float32)
    terms = case.c // case.groups * case.r * case.s
    values = {
        "x": half(random.standard_normal((case.n, case.h, case.w, case.c))),
        "weights": half(random.standard_normal((case.k, case.c // case.groups, case.r, case.s)) / np.sqrt(terms)),
    }
    if case.conv_bias:
        values["conv_bias"] = channels(random.standard_normal(case.k))
    if case.eps:
        values["gamma"] = channels(random.uniform(-1.5, 1.5, case.k))
        values["beta"] = channels(random.standard_normal(case.k))
        values["mean"] = channels(random.standard_normal(case.k))
        values["variance"] = channels(random.uniform(0.1, 2, case.k))
    return values


def activation_nodes(case, source):
    if case.activation == "none":
        return [helper.make_node("Identity", [source], ["y"])], []
    if case.activation == "relu6":
        limits = [helper.make_tensor("low", TensorProto.FLOAT, [], [0.0]),
                  helper.make_tensor("high", TensorProto.FLOAT, [], [6.0])]
        return [helper.make_node("Clip", [source, "low", "high"], ["y"])], limits
    operator = {"relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh", "leaky_relu": "LeakyRelu",
                "hardswish": "HardSwish"}[case.activation]
    attributes = {"alpha": case.alpha} if case.activation == "leaky_relu" else {}
    return [helper.make_node(operator, [source], ["y"], **attributes)], []


def compute(case, values):
    top, bottom, left, right = case.pad
    inputs = ["x", "weights"] + (["conv_bias"] if case.conv_bias else [])
    nodes = [helper.make_node("Conv", inputs, ["conv"], kernel_shape=[case.r, case.s], strides=list(case.stride),
                              pads=[top, left, bottom, right], dilations=list(case.dilation), group=case.groups)]
    last = "conv"
    if case.eps:
        nodes.append(helper.make_node("BatchNormalization", [last, "gamma", "beta", "mean", "variance"], ["bn"],
                                      epsilon=case.eps))
        last = "bn"
    ends, constants = activation_nodes(case, last)
    initialisers = [helper.make_tensor(name, TensorProto.FLOAT, array.shape, array.flatten())
                    for name, array in values.items() if name != "x"]
    graph = helper.make_graph(
        nodes + ends, case.name,
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [case.n, case.c, case.h, case.w])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", "k", "p", "q"])], initialisers + constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    onnx.checker.check_model(model)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    nchw = np.ascontiguousarray(values["x"].transpose(0, 3, 1, 2))
    return session.run(None, {"x": nchw})[0].transpose(0, 2, 3, 1)


def problem_text(case):
    """As tests/harness/problem/text.hpp has it."""
    fields = [case.n, case.h, case.w, case.c, case.k, case.r, case.s, *case.stride, *case.pad, *case.dilation,
              case.groups, case.activation, case.alpha, 0, "f32"]
    return " ".join(str(field) for field in fields)


def main():
    folder = pathlib.Path(__file__).parent / "convs"
    folder.mkdir(exist_ok=True)
    random = np.random.default_rng(20)
    for case in CASES:
        values = parameters(case, random)
        values["y"] = compute(case, values)
        metadata = {"problem": problem_text(case)}
        if case.eps:
            metadata["eps"] = str(case.eps)
        data = safetensors.numpy.save({name: np.ascontiguousarray(array) for name, array in values.items()}, metadata)
        (folder / f"{case.name}.safetensors").write_bytes(reproducible(data))


if __name__ == "__main__":
    main()
