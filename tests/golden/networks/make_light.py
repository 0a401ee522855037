#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Fills the networks without weights that the onnx package ships (its light_*.onnx) with seeded weights.

    python3 -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python make_light.py FOLDER [NAME...]             writes FOLDER/NAME.onnx; needs numpy and onnx alone
    venv/bin/python make_light.py --record FOLDER [NAME...]    also runs ONNX Runtime and writes light/NAME.json

Every fp32 constant is replaced, and each node ConstantOfShape by an initialiser in raw_data, so that a file is what
its exporter once wrote. The input is seeded.pictures(its name, its shape); README.md says what stands in a record.
"""

import argparse
import math
import pathlib

import onnx
from onnx import TensorProto, helper, numpy_helper

import seeded

NAMES = ["densenet121", "inception_v1", "inception_v2", "resnet50", "shufflenet", "squeezenet", "vgg19"]
LIGHT = pathlib.Path(onnx.__file__).parent / "backend/test/data/light"
ANSWERS = pathlib.Path(__file__).resolve().parent / "light"

NORM_INPUTS = [None, "gamma", "beta", "mean", "variance"]
# half and centre of seeded.uniform
BIAS = (0.1, 0)
# Caffe2's second scale and shift behind BatchNorm.
AFFINE = {"Mul": (0.25, 1), "Add": (0.25, 0)}


class Filler:
    def __init__(self, model):
        self.graph = model.graph
        self.readers = {}
        for node in self.graph.node:
            for place, name in enumerate(node.input):
                self.readers.setdefault(name, []).append((node, place))

    def reader(self, name):
        """The node that computes with a constant, and the input that it is."""
        (node, place), = self.readers[name]
        return self.reader(node.output[0]) if node.op_type in ("Reshape", "Unsqueeze") else (node, place)

    def is_added(self, name):
        return any(node.op_type == "Sum" for node, _ in self.readers[name])

    def values(self, name, shape):
        node, place = self.reader(name)
        if node.op_type in ("Conv", "Gemm"):
            if place == 2:
                return seeded.uniform(name, shape, *BIAS)
            return seeded.weights(name, shape, math.prod(shape[1:]) if node.op_type == "Conv" else shape[-1])
        if node.op_type == "BatchNormalization":
            part = NORM_INPUTS[place]
            damped = part == "gamma" and self.is_added(node.output[0])
            return seeded.uniform(name, shape, *(seeded.DAMPED_GAMMA if damped else seeded.NORM[part]))
        return seeded.uniform(name, shape, *AFFINE[node.op_type])

    def fill(self):
        """Returns the input's name and shape."""
        tensors = {tensor.name: tensor for tensor in self.graph.initializer}
        shapes = {name: list(tensor.dims) for name, tensor in tensors.items() if tensor.data_type == TensorProto.FLOAT}
        made = [node for node in self.graph.node if node.op_type == "ConstantOfShape"]
        for node in made:
            shapes[node.output[0]] = numpy_helper.to_array(tensors[node.input[0]]).tolist()
            self.graph.node.remove(node)
        dropped = {node.input[0] for node in made} | shapes.keys()
        for field in (self.graph.initializer, self.graph.input):
            kept = [entry for entry in field if entry.name not in dropped]
            del field[:]
            field.extend(kept)
        for name, shape in shapes.items():
            if name in self.readers:
                self.add(name, shape)
        return self.input()

    def add(self, name, shape):
        self.graph.initializer.append(TensorProto(name=name, data_type=TensorProto.FLOAT, dims=shape,
                                                  raw_data=self.values(name, shape).tobytes()))
        # Files of this age list every initialiser among the inputs, too.
        self.graph.input.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))

    def input(self):
        constants = {tensor.name for tensor in self.graph.initializer}
        found, = (entry for entry in self.graph.input if entry.name not in constants)
        return found.name, [dimension.dim_value for dimension in found.type.tensor_type.shape.dim]


def record(name, model, data, input_name, shape):
    # Whoever wants the files alone need not have ONNX Runtime.
    from runtime import Session, logits_name, numbers, sha256, versions, write_answers

    x = seeded.pictures(input_name, shape)
    logits = logits_name(model)
    ANSWERS.mkdir(exist_ok=True)
    write_answers(ANSWERS / f"{name}.json", {
        "model": f"{name}.onnx",
        "model_sha256": sha256(data),
        "versions": versions(),
        "input_name": input_name,
        "input_shape": shape,
        "input_sha256": sha256(x.tobytes()),
        "logits_name": logits,
        "logits": numbers(Session(model, [logits]).run(x, [logits])[0]),
    })


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", action="store_true")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("names", nargs="*", metavar="NAME", default=NAMES)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    for name in arguments.names:
        model = onnx.load(LIGHT / f"light_{name}.onnx")
        input_name, shape = Filler(model).fill()
        data = model.SerializeToString(deterministic=True)
        (arguments.folder / f"{name}.onnx").write_bytes(data)
        if arguments.record:
            record(name, model, data, input_name, shape)


if __name__ == "__main__":
    main()
