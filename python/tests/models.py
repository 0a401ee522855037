# SPDX-License-Identifier: MIT
"""Small networks as ONNX models, with what they compute in NumPy, in fp64."""

import typing

import numpy as np
from onnx import TensorProto, helper, numpy_helper


class Model(typing.NamedTuple):
    proto: typing.Any
    compute: typing.Callable


def conv(x, w, stride=1, pad=0, bias=None, groups=1):
    """Cross-correlation, n c h w, as it is defined."""
    x, w = np.asarray(x, np.float64), np.asarray(w, np.float64)
    x = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    n, c, h, width = x.shape
    k, per_group, r, s = w.shape
    p, q = (h - r) // stride + 1, (width - s) // stride + 1
    y = np.zeros((n, k, p, q))
    for i in range(k):
        first = i // (k // groups) * per_group
        for a in range(r):
            for b in range(s):
                part = x[:, first:first + per_group, a:a + stride * p:stride, b:b + stride * q:stride]
                y[:, i] += np.einsum("nchw,c->nhw", part, w[i, :, a, b])
    return y if bias is None else y + np.asarray(bias, np.float64)[:, None, None]


def batch_norm(x, mean, variance, gamma, beta, eps):
    scale = gamma / np.sqrt(variance + eps)
    return x * scale[:, None, None] + (beta - mean * scale)[:, None, None]


def bn_arrays(rng, channels):
    """mean, variance, gamma, beta"""
    return [rng.standard_normal(channels).astype(np.float32) * 0.1, rng.uniform(0.5, 2, channels).astype(np.float32),
            rng.uniform(0.5, 1.5, channels).astype(np.float32), rng.standard_normal(channels).astype(np.float32) * 0.1]


def model_of(nodes, inputs, outputs, weights):
    """inputs, outputs: {name: extents}"""
    def info(ports):
        return [helper.make_tensor_value_info(name, TensorProto.FLOAT, list(extents)) for name, extents in ports.items()]
    graph = helper.make_graph(nodes, "model", info(inputs), info(outputs),
                              [numpy_helper.from_array(np.asarray(values, np.float32), name)
                               for name, values in weights.items()])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def residual_model(rng):
    """conv 3x3 / 2, BatchNorm, ReLU; conv 3x3, BatchNorm, added to what came before, ReLU; mean; 5 logits. And a second
    output: the mean."""
    w1, w2 = (rng.standard_normal(shape).astype(np.float32) * 0.2 for shape in ((8, 3, 3, 3), (8, 8, 3, 3)))
    n1, n2 = bn_arrays(rng, 8), bn_arrays(rng, 8)
    fc, bias = rng.standard_normal((5, 8)).astype(np.float32), rng.standard_normal(5).astype(np.float32)

    def norm(x, name, y):
        return helper.make_node("BatchNormalization", [x, *(f"{name}.{part}" for part in ("gamma", "beta", "mean", "var"))],
                                [y], epsilon=1e-3)
    nodes = [
        helper.make_node("Conv", ["image", "w1"], ["c1"], pads=[1] * 4, strides=[2, 2]),
        norm("c1", "n1", "b1"),
        helper.make_node("Relu", ["b1"], ["first"]),
        helper.make_node("Conv", ["first", "w2"], ["c2"], pads=[1] * 4),
        norm("c2", "n2", "b2"),
        helper.make_node("Add", ["b2", "first"], ["sum"]),
        helper.make_node("Relu", ["sum"], ["second"]),
        helper.make_node("GlobalAveragePool", ["second"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["mean"]),
        helper.make_node("Gemm", ["mean", "fc", "bias"], ["logits"], transB=1),
    ]
    weights = {"w1": w1, "w2": w2, "fc": fc, "bias": bias}
    for name, (mean, variance, gamma, beta) in (("n1", n1), ("n2", n2)):
        weights |= {f"{name}.mean": mean, f"{name}.var": variance, f"{name}.gamma": gamma, f"{name}.beta": beta}
    proto = model_of(nodes, {"image": ["n", 3, "h", "w"]}, {"logits": ["n", 5], "mean": ["n", 8]}, weights)

    def compute(x):
        first = np.maximum(batch_norm(conv(x, w1, 2, 1), *n1, 1e-3), 0)
        second = np.maximum(batch_norm(conv(first, w2, 1, 1), *n2, 1e-3) + first, 0)
        mean = second.mean((2, 3))
        return mean @ fc.T.astype(np.float64) + bias, mean
    return Model(proto, compute)


def sum_model():
    """The positive part of a[n, 2] + b[n, 2], under a name that HTML would take for markup."""
    nodes = [helper.make_node("Add", ["a", "b"], ["sum"]), helper.make_node("Relu", ["sum"], ["<b>&y"])]
    return model_of(nodes, {"a": ["n", 2], "b": ["n", 2]}, {"<b>&y": ["n", 2]}, {})
