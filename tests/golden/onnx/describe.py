#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes what an ONNX file holds as text, by the package onnx: the text of host/onnx/wire/describe.hpp, which the tests
compare with that of foldconv's reader.

usage: describe.py MODEL.onnx          the text of one file
       describe.py --hashes FOLDER     a line for each model.onnx below: its folder, and the text's FNV-1a hash

tests/golden/onnx/testdata.txt is made of Debian 12's libonnx-testdata 1.12, with onnx 1.23.2:
  describe.py --hashes /usr/share/libonnx-testdata/data > testdata.txt
"""
import pathlib
import struct
import sys

import numpy
import onnx
from onnx import numpy_helper


def fnv1a(data):
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return value


def quoted(text):
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")
    return '"' + "".join(chr(b) if 0x20 <= b < 0x7F and chr(b) not in '"\\' else f"\\x{b:02x}" for b in data) + '"'


def bits(value):
    return struct.pack(">f", value).hex()


def packed(tensor):
    """The values, little-endian; elements of less than a byte packed from the low bits on."""
    name = onnx.TensorProto.DataType.Name(tensor.data_type)
    values = numpy_helper.to_array(tensor)
    per_byte = {"4": 2, "2": 4}.get(name[-1]) if name in ("INT4", "UINT4", "INT2", "UINT2") else None
    if name == "FLOAT4E2M1":
        per_byte = 2
    if per_byte is None:
        return values.astype(values.dtype.newbyteorder("<")).tobytes()
    width = 8 // per_byte
    codes = values.ravel().view(numpy.uint8) & (2**width - 1)
    codes = numpy.concatenate([codes, numpy.zeros(-len(codes) % per_byte, numpy.uint8)]).reshape(-1, per_byte)
    return bytes(sum(int(code) << (width * i) for i, code in enumerate(row)) for row in codes)


class Describer:
    def __init__(self, folder):
        self.folder = folder
        self.lines = []

    def line(self, at, value):
        self.lines.append(f"{at} = {value}")

    def number(self, at, value):
        if value:
            self.line(at, value)

    def string(self, at, value):
        if value:
            self.line(at, quoted(value))

    def strings(self, at, values):
        for i, value in enumerate(values):
            self.line(f"{at}[{i}]", quoted(value))

    def entries(self, at, entries):
        for i, entry in enumerate(entries):
            self.line(f"{at}[{i}].key", quoted(entry.key))
            self.line(f"{at}[{i}].value", quoted(entry.value))

    def model(self, model):
        self.number("ir_version", model.ir_version)
        for i, opset in enumerate(model.opset_import):
            self.string(f"opset_import[{i}].domain", opset.domain)
            self.number(f"opset_import[{i}].version", opset.version)
        self.string("producer_name", model.producer_name)
        self.string("producer_version", model.producer_version)
        self.string("domain", model.domain)
        self.number("model_version", model.model_version)
        self.graph("graph.", model.graph)
        self.entries("metadata_props", model.metadata_props)
        return "".join(line + "\n" for line in self.lines)

    def graph(self, at, graph):
        self.string(at + "name", graph.name)
        for i, node in enumerate(graph.node):
            self.node(f"{at}node[{i}].", node)
        for i, tensor in enumerate(graph.initializer):
            self.tensor(f"{at}initializer[{i}].", tensor)
        for field in ("input", "output", "value_info"):
            for i, info in enumerate(getattr(graph, field)):
                self.value_info(f"{at}{field}[{i}].", info)

    def node(self, at, node):
        self.strings(at + "input", node.input)
        self.strings(at + "output", node.output)
        self.string(at + "name", node.name)
        self.string(at + "op_type", node.op_type)
        self.string(at + "domain", node.domain)
        for i, attribute in enumerate(node.attribute):
            self.attribute(f"{at}attribute[{i}].", attribute)

    def attribute(self, at, attribute):
        self.string(at + "name", attribute.name)
        self.string(at + "ref_attr_name", attribute.ref_attr_name)
        self.number(at + "type", attribute.type)
        if attribute.HasField("f"):
            self.line(at + "f", bits(attribute.f))
        if attribute.HasField("i"):
            self.line(at + "i", attribute.i)
        if attribute.HasField("s"):
            self.line(at + "s", quoted(attribute.s))
        if attribute.HasField("t"):
            self.tensor(at + "t.", attribute.t)
        if attribute.HasField("g"):
            self.graph(at + "g.", attribute.g)
        if attribute.floats:
            self.line(at + "floats", " ".join(map(bits, attribute.floats)))
        if attribute.ints:
            self.line(at + "ints", " ".join(map(str, attribute.ints)))
        self.strings(at + "strings", attribute.strings)
        for i, tensor in enumerate(attribute.tensors):
            self.tensor(f"{at}tensors[{i}].", tensor)
        for i, graph in enumerate(attribute.graphs):
            self.graph(f"{at}graphs[{i}].", graph)

    def tensor(self, at, tensor):
        self.string(at + "name", tensor.name)
        if tensor.dims:
            self.line(at + "dims", " ".join(map(str, tensor.dims)))
        self.number(at + "data_type", tensor.data_type)
        self.number(at + "data_location", tensor.data_location)
        self.entries(at + "external_data", tensor.external_data)
        if tensor.data_type == onnx.TensorProto.STRING:
            size = sum(map(len, tensor.string_data))
            hashed = b"".join(struct.pack("<Q", len(value)) + value for value in tensor.string_data)
        else:
            if tensor.data_location == onnx.TensorProto.EXTERNAL:
                onnx.external_data_helper.load_external_data_for_tensor(tensor, self.folder)
            hashed = packed(tensor)
            size = len(hashed)
        name = onnx.TensorProto.DataType.Name(tensor.data_type).lower()
        self.line(at + "values", f"{name} {size} bytes {fnv1a(hashed):016x}")

    def value_info(self, at, info):
        self.string(at + "name", info.name)
        if not info.HasField("type"):
            return
        tensor = info.type.HasField("tensor_type")
        self.line(at + "type", "tensor" if tensor else "other")
        if not tensor:
            return
        self.number(at + "elem_type", info.type.tensor_type.elem_type)
        if info.type.tensor_type.HasField("shape"):
            sizes = []
            for dim in info.type.tensor_type.shape.dim:
                kind = dim.WhichOneof("value")
                sizes.append("?" if kind is None else
                             str(dim.dim_value) if kind == "dim_value" else quoted(dim.dim_param))
            self.line(at + "shape", "[" + " ".join(sizes) + "]")


def text_of(path):
    model = onnx.load(path, load_external_data=False)
    return Describer(str(path.parent)).model(model)


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "--hashes":
        folder = pathlib.Path(sys.argv[2])
        for path in sorted(folder.rglob("model.onnx")):
            print(path.parent.relative_to(folder), f"{fnv1a(text_of(path).encode()):016x}")
    elif len(sys.argv) == 2:
        sys.stdout.write(text_of(pathlib.Path(sys.argv[1])))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
