# SPDX-License-Identifier: MIT
"""Modules as ONNX files in memory."""

import collections.abc
import contextlib
import importlib.util
import inspect
import logging
import re
import threading
import typing

import torch
from torch._dynamo.convert_frame import compile_lock

from .._errors import Unsupported


class Exported(typing.NamedTuple):
    """A module as an ONNX file, and what its outputs are in torch."""

    onnx: bytes
    outputs: torch.utils._pytree.TreeSpec  # how the file's outputs make the module's answer
    dtypes: typing.List[torch.dtype]  # of the file's outputs


Dimensions = typing.Sequence[typing.Sequence[int]]


def export(module: torch.nn.Module, example: typing.Sequence[torch.Tensor], free: Dimensions) -> Exported:
    """The file of a module in evaluation mode, by torch.onnx.export(dynamo=True).

    Tensors keep their names. Of BatchNorm behind a convolution the exporter makes weights, in float32 and with the
    module's eps; others stay. free: of each tensor the dimensions that stay open.

    It runs in a thread: the caller may be inside of torch.no_grad(), inference_mode(), autocast or a compiled call, all of
    which are states of a thread, and none of the exporter's business. Exports take turns, with each other and with
    torch.compile: the exporter keeps states of the process, too.
    """
    for package in ("onnx", "onnxscript"):
        if importlib.util.find_spec(package) is None:
            raise ImportError(f"torch's ONNX exporter needs {package}: not installed; pip install {package}")
    done: typing.List[typing.Union[Exported, BaseException]] = []
    # The caller has it where torch.compile's backend calls; then it is this call's turn already.
    turn = contextlib.nullcontext() if compile_lock._is_owned() else compile_lock

    def run() -> None:
        try:
            with turn:
                done.append(_export(module, example, free))
        except BaseException as error:  # raised again where it is waited for
            done.append(error)

    thread = threading.Thread(target=run, name="foldconv export")
    thread.start()
    thread.join()
    if isinstance(done[0], Exported):
        return done[0]
    if isinstance(done[0], torch.onnx.OnnxExporterError):
        raise Unsupported(f"torch cannot export {type(module).__name__} to ONNX: {_first_line(done[0])}; export a part of "
                          "it, or use torch.compile(module, backend=\"foldconv\")") from done[0]
    raise done[0]


def _export(module: torch.nn.Module, example: typing.Sequence[torch.Tensor], free: Dimensions) -> Exported:
    shapes = [{dimension: torch.export.Dim.DYNAMIC for dimension in dimensions} for dimensions in free]
    for place, parameter in enumerate(inspect.signature(module.forward).parameters.values()):
        if parameter.kind is parameter.VAR_POSITIONAL:
            shapes[place:] = [tuple(shapes[place:])]
    with _quiet():
        program = torch.onnx.export(module, tuple(example), dynamo=True, verbose=False,
                                    dynamic_shapes=tuple(shapes) if any(free) else None)
    assert program is not None and program.exported_program is not None
    exported = program.exported_program
    values = {node.name: node.meta["val"] for node in exported.graph.nodes if "val" in node.meta}
    names = exported.graph_signature.user_outputs
    for name in names:
        if not isinstance(values.get(name), torch.Tensor):
            raise Unsupported(f"an output of {type(module).__name__} is no tensor that it computes: {name}; return tensors "
                              "only")
    return Exported(program.model_proto.SerializeToString(), exported.call_spec.out_spec,
                    [values[name].dtype for name in names])


@contextlib.contextmanager
def _quiet() -> collections.abc.Iterator[None]:
    """Without the exporter's lines about torchvision's operators, which it looks for."""
    logger = logging.getLogger("torch.onnx._internal.exporter._registration")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _first_line(error: BaseException) -> str:
    """Of the error at the bottom: those above say how the exporter came there."""
    while error.__cause__ is not None:
        error = error.__cause__
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).strip()
    return text.splitlines()[0] if text else type(error).__name__
