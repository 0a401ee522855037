# SPDX-License-Identifier: MIT
"""Networks out of files, bytes and models in memory."""

import collections.abc
import os
import typing

from . import _foldconv
from ._errors import InvalidArgument
from ._ports import Problem

Names = collections.abc.Sequence[str]
Constants = collections.abc.Mapping[str, typing.Any] | None


def _onnx_source(source: typing.Any) -> str | bytes:
    """A path or an ONNX file's bytes."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        return bytes(source)
    if isinstance(source, (str, os.PathLike)):
        path = os.fsdecode(source)
        if not os.path.exists(path):
            raise InvalidArgument(f"no such file: {path}; give the path of an .onnx or a .safetensors file")
        if not path.endswith((".onnx", ".safetensors")):
            why = _foldconv._why_no_model(path)
            if why:
                raise InvalidArgument(f"{path}: {why}")
            raise InvalidArgument(f"neither .onnx nor .safetensors: {path}; export the network as ONNX, or a ResNet's "
                                  "state dict as safetensors")
        return path
    if hasattr(source, "SerializeToString"):
        return source.SerializeToString()
    raise InvalidArgument(f"no network: {type(source).__name__}; give a path, the bytes of an ONNX file, or an "
                          "onnx.ModelProto")


def _names(names: Names, which: str) -> list[str]:
    if isinstance(names, str):
        raise InvalidArgument(f"{which} is a str and no sequence of names: {names!r}; give [{names!r}]")
    return list(names)


def load(source: typing.Any, *, dtype: str = "f16", fuse: bool = True, blocks: bool = True, inputs: Names = (),
         outputs: Names = (), constants: Constants = None, device: int | None = None) -> _foldconv.Network:
    """A network, folded and fused, with its weights on a device.

    source: the path of an .onnx file or of a .safetensors file (a ResNet's state dict), an ONNX file's bytes, or an
        onnx.ModelProto. A file must be left alone until load() returns.
    dtype: of weights and tensors: "f16", "bf16" or "f32".
    fuse, blocks: False: every operation by itself; a kernel a convolution.
    inputs, outputs: names of tensors where the model is cut; what is not between them is not looked at.
    constants: arrays (float32) for tensors of the model that are these values, by name.
    device: its index; None: the current one.
    """
    given = _onnx_source(source)
    if isinstance(given, str) and given.endswith(".safetensors"):
        if inputs or outputs or constants:
            raise InvalidArgument(f"a state dict is not cut: {given}; give inputs, outputs and constants with ONNX files")
        model = _foldconv._read_resnet(given)
    else:
        model = _foldconv._read_onnx(given, _names(inputs, "inputs"), _names(outputs, "outputs"), dict(constants or {}))
    return _foldconv._make_network(model, dtype, fuse, blocks, device)


def inspect(source: typing.Any, *, inputs: Names = (), outputs: Names = (),
            constants: Constants = None) -> list[Problem]:
    """What of an ONNX model is not taken, and why; none: load() takes it. Needs no device."""
    given = _onnx_source(source)
    if isinstance(given, str) and given.endswith(".safetensors"):
        raise InvalidArgument(f"no ONNX file: {given}; load() says what is wrong with a state dict")
    return _foldconv._inspect_onnx(given, _names(inputs, "inputs"), _names(outputs, "outputs"), dict(constants or {}))
