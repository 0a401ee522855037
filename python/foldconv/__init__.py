# SPDX-License-Identifier: MIT
"""Trained CNNs made fast on NVIDIA GPUs.

    net = foldconv.load("model.onnx")                 # folds, fuses; weights to the device, once
    plan = net.plan(n=8, h=224, w=224)                # once for each shape
    logits = plan(images)                             # NumPy, or any array on the device

With FOLDCONV_EMULATE=1 in the environment, before the import, it runs on the CPU, on the emulator that comes with it.
"""

import atexit
import threading
import typing

from ._runtime import emulated

from ._errors import (
    Aliasing,
    CudaError,
    DeviceTooOld,
    Error,
    InvalidArgument,
    Misaligned,
    OutOfMemory,
    Unsupported,
    WorkspaceTooSmall,
)
from ._foldconv import (
    Array,
    BatchNorm,
    Bottleneck,
    Conv,
    FoldedConv,
    Graph,
    Network,
    Plan,
    _version,
    _warn_of_leaks,
    array,
    check_runs,
    fold,
    runs_are_checked,
)
from ._explain import NetworkExplanation, PlanExplanation
from ._load import inspect, load
from ._ports import Port, Problem

__version__: str = _version()

# Daemon threads have objects still when Python ends.
atexit.register(lambda: _warn_of_leaks(threading.active_count() == 1))

if typing.TYPE_CHECKING:
    import torch as _torch

    from .torch import Compiled as _Compiled


# foldconv.torch is imported here: the package needs no torch.
def compile(module: "_torch.nn.Module", *example: "_torch.Tensor", **options: typing.Any) -> "_Compiled":
    """A torch.nn.Module in evaluation mode as one network, called with tensors as the module is.

    example: tensors that the module takes. options: dtype, dynamic_batch, dynamic_size, fuse, blocks, plans, device, as
        foldconv.torch.compile() describes them. Needs torch, onnx and onnxscript: pip install foldconv[torch].
    """
    from .torch import compile as compile_module

    return compile_module(module, *example, **options)


__all__ = [
    "Aliasing",
    "Array",
    "BatchNorm",
    "Bottleneck",
    "Conv",
    "CudaError",
    "DeviceTooOld",
    "Error",
    "FoldedConv",
    "Graph",
    "InvalidArgument",
    "Misaligned",
    "Network",
    "NetworkExplanation",
    "OutOfMemory",
    "Plan",
    "PlanExplanation",
    "Port",
    "Problem",
    "Unsupported",
    "WorkspaceTooSmall",
    "__version__",
    "array",
    "check_runs",
    "compile",
    "emulated",
    "fold",
    "inspect",
    "load",
    "runs_are_checked",
]

# Where users find them, not where they are written.
for _name in __all__:
    _object = globals()[_name]
    if isinstance(_object, type) and _object.__module__ != "foldconv._foldconv":
        _object.__module__ = "foldconv"
del _object, _name
