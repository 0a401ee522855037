#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the node cases of the onnx package, those of the operators that foldconv may meet, as files.

    make_cases.py FOLDER    needs numpy and onnx, as tests/golden/networks/requirements.txt has them

FOLDER/NAME/model.onnx        as the package has it: weights, shapes and limits are inputs of the graph, too
FOLDER/NAME/constants.onnx    the same with all inputs but the data as initialisers; where there are such inputs
FOLDER/NAME/input_K.npy       the graph's input K, also where constants.onnx has it as an initialiser
FOLDER/NAME/output_K.npy      C order, little endian; .pb, a TensorProto, for types that NumPy lacks
FOLDER/cases.txt              a line a case: NAME OPERATOR OPSET f32[1,1,5,5] i64[4] -> f32[1,1,3,3]

Left out: cases of operators that are expanded into others, and inputs that are no tensors.
"""

import argparse
import pathlib
import warnings

import numpy as np
from onnx import TensorProto, numpy_helper
from onnx.backend.test.loader import load_model_tests

OPERATORS = set("""
Conv BatchNormalization Relu LeakyRelu Clip Sigmoid Tanh HardSigmoid HardSwish Gelu Swish Add Sum Mul MaxPool
AveragePool GlobalAveragePool GlobalMaxPool ReduceMean Gemm MatMul Flatten Reshape Squeeze Unsqueeze Transpose Softmax
LRN Concat Pad Resize Upsample Identity Dropout Cast Constant ConstantOfShape Shape Slice Gather Split Expand
""".split())
# The operators that read more, or less, than one tensor of data.
DATA_INPUTS = {"Add": None, "Sum": None, "Mul": None, "MatMul": None, "Concat": None, "ConstantOfShape": 0}
SHORT = {
    TensorProto.FLOAT: "f32", TensorProto.FLOAT16: "f16", TensorProto.DOUBLE: "f64", TensorProto.BFLOAT16: "bf16",
    TensorProto.INT8: "i8", TensorProto.INT16: "i16", TensorProto.INT32: "i32", TensorProto.INT64: "i64",
    TensorProto.UINT8: "u8", TensorProto.UINT16: "u16", TensorProto.UINT32: "u32", TensorProto.UINT64: "u64",
    TensorProto.BOOL: "bool",
}


def tensor_of(value):
    return value if isinstance(value, TensorProto) else numpy_helper.from_array(np.asarray(value, order="C"))


def is_taken(case):
    nodes = case.model.graph.node
    values = [value for values in case.data_sets[0] for value in values]
    return ({node.op_type for node in nodes} <= OPERATORS and "_expanded" not in case.name
            and all(isinstance(value, (TensorProto, np.ndarray, np.generic)) for value in values))


def type_of(tensor):
    name = SHORT.get(tensor.data_type) or TensorProto.DataType.Name(tensor.data_type).lower()
    return f"{name}[{','.join(map(str, tensor.dims))}]"


def write_tensor(stem, tensor):
    array = numpy_helper.to_array(tensor)
    if array.dtype.isbuiltin == 1:  # 2: of the package ml_dtypes
        np.save(stem.with_suffix(".npy"), array, allow_pickle=False)
    else:
        stem.with_suffix(".pb").write_bytes(tensor.SerializeToString())


def with_constants(model, inputs):
    """None where the graph has no inputs but data."""
    first = DATA_INPUTS.get(model.graph.node[0].op_type, 1)
    if first is None or len(inputs) <= first:
        return None
    constant = type(model).FromString(model.SerializeToString())
    for entry, tensor in list(zip(constant.graph.input, inputs))[first:]:
        constant.graph.initializer.add().CopyFrom(tensor)
        constant.graph.initializer[-1].name = entry.name
    del constant.graph.input[first:]
    return constant


def write_case(folder, case):
    """Returns its line of cases.txt."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(case.model.SerializeToString())
    inputs, outputs = ([tensor_of(value) for value in values] for values in case.data_sets[0])
    constants = with_constants(case.model, inputs)
    if constants:
        (folder / "constants.onnx").write_bytes(constants.SerializeToString())
    for name, tensors in (("input", inputs), ("output", outputs)):
        for place, tensor in enumerate(tensors):
            write_tensor(folder / f"{name}_{place}", tensor)
    words = [case.name, case.model.graph.node[0].op_type, case.model.opset_import[0].version]
    return " ".join(map(str, [*words, *map(type_of, inputs), "->", *map(type_of, outputs)]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    arguments = parser.parse_args()
    np.random.seed(24)  # some cases are random
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # cases of other operators divide by zero
        cases = [case for case in load_model_tests(kind="node") if is_taken(case)]
    lines = sorted(write_case(arguments.folder / case.name, case) for case in cases)
    (arguments.folder / "cases.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
