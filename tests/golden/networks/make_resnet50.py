#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""ResNet-50 v1.5 with seeded weights under torchvision's names, as a safetensors file in fp32.

    python3 -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python make_resnet50.py OUT.safetensors             needs numpy alone
    venv/bin/python make_resnet50.py --record OUT.safetensors    also runs ONNX Runtime and writes resnet50.json

The input is seeded.pictures("input", [2, 3, 224, 224]); README.md says what stands in the record.
"""

import argparse
import json
import math
import pathlib
import struct

import numpy as np

import seeded

ANSWERS = pathlib.Path(__file__).resolve().parent / "resnet50.json"
LAYERS = [3, 4, 6, 3]
EXPANSION = 4
INPUT = (2, 3, 224, 224)
EPS = 1e-5
NORM_PARTS = {"weight": "gamma", "bias": "beta", "running_mean": "mean", "running_var": "variance"}


def blocks():
    """(prefix, channels in, channels of the middle, stride) of each."""
    c = 64
    for layer, count in enumerate(LAYERS):
        middle = 64 << layer
        for place in range(count):
            yield f"layer{layer + 1}.{place}", c, middle, 2 if place == 0 and layer > 0 else 1
            c = middle * EXPANSION


class StateDict(dict):
    def __init__(self):
        self.conv_norm("conv1", "bn1", (64, 3, 7, 7))
        for prefix, c, middle, _ in blocks():
            k = middle * EXPANSION
            self.conv_norm(f"{prefix}.conv1", f"{prefix}.bn1", (middle, c, 1, 1))
            self.conv_norm(f"{prefix}.conv2", f"{prefix}.bn2", (middle, middle, 3, 3))
            self.conv_norm(f"{prefix}.conv3", f"{prefix}.bn3", (k, middle, 1, 1), damped=True)
            if c != k:
                self.conv_norm(f"{prefix}.downsample.0", f"{prefix}.downsample.1", (k, c, 1, 1), damped=True)
        self["fc.weight"] = seeded.weights("fc.weight", (1000, k), k, size=4)  # as large as trained ones
        self["fc.bias"] = seeded.uniform("fc.bias", (1000,), 0.1)

    def conv_norm(self, conv, norm, shape, damped=False):
        name = f"{conv}.weight"
        self[name] = seeded.weights(name, shape, math.prod(shape[1:]))
        for part, meaning in NORM_PARTS.items():
            name = f"{norm}.{part}"
            limits = seeded.DAMPED_GAMMA if damped and meaning == "gamma" else seeded.NORM[meaning]
            self[name] = seeded.uniform(name, shape[:1], *limits)
        self[f"{norm}.num_batches_tracked"] = np.array(0, np.int64)


def safetensors_file(state):
    header, end = {"__metadata__": {"format": "pt"}}, 0
    for name, array in state.items():
        begin, end = end, end + array.nbytes
        dtype = {"float32": "F32", "int64": "I64"}[array.dtype.name]
        header[name] = {"dtype": dtype, "shape": array.shape, "data_offsets": [begin, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return b"".join([struct.pack("<Q", len(text)), text, *(array.tobytes() for array in state.values())])


def make_model(state):
    from onnx import TensorProto, helper

    nodes = []

    def node(operator, inputs, output, **attributes):
        nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def conv_norm(source, conv, norm, size=1, stride=1):
        last = node("Conv", [source, f"{conv}.weight"], conv, kernel_shape=[size] * 2, strides=[stride] * 2,
                    pads=[size // 2] * 4)
        return node("BatchNormalization", [last, *(f"{norm}.{part}" for part in NORM_PARTS)], norm, epsilon=EPS)

    def relu(source):
        return node("Relu", [source], f"{source}.relu")

    last = relu(conv_norm("input", "conv1", "bn1", 7, 2))
    last = node("MaxPool", [last], "maxpool", kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    for prefix, c, middle, stride in blocks():
        residual = last
        if c != middle * EXPANSION:
            residual = conv_norm(last, f"{prefix}.downsample.0", f"{prefix}.downsample.1", stride=stride)
        last = relu(conv_norm(last, f"{prefix}.conv1", f"{prefix}.bn1"))
        last = relu(conv_norm(last, f"{prefix}.conv2", f"{prefix}.bn2", 3, stride))
        last = conv_norm(last, f"{prefix}.conv3", f"{prefix}.bn3")
        last = relu(node("Add", [last, residual], prefix))
    last = node("Flatten", [node("GlobalAveragePool", [last], "avgpool")], "flatten")
    node("Gemm", [last, "fc.weight", "fc.bias"], "logits", transB=1)

    weights = [helper.make_tensor(name, TensorProto.FLOAT, array.shape, array.tobytes(), raw=True)
               for name, array in state.items() if array.dtype == np.float32]
    graph = helper.make_graph(
        nodes, "resnet50", [helper.make_tensor_value_info("input", TensorProto.FLOAT, INPUT)],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [INPUT[0], 1000])], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def record(state, data):
    # Whoever wants the file alone needs NumPy alone.
    import onnx

    from runtime import Session, numbers, sha256, versions, write_answers

    model = make_model(state)
    onnx.checker.check_model(model, full_check=True)
    x = seeded.pictures("input", INPUT)
    logits, = Session(model).run(x, ["logits"])
    write_answers(ANSWERS, {
        "weights_sha256": sha256(data),
        "versions": versions(),
        "input_shape": list(INPUT),
        "input_sha256": sha256(x.tobytes()),
        "eps": EPS,
        "logits": [numbers(image) for image in logits],
    })


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", action="store_true")
    parser.add_argument("out", type=pathlib.Path)
    arguments = parser.parse_args()
    state = StateDict()
    data = safetensors_file(state)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_bytes(data)
    if arguments.record:
        record(state, data)


if __name__ == "__main__":
    main()
