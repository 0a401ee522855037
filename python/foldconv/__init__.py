# SPDX-License-Identifier: MIT
"""Trained CNNs made fast on NVIDIA GPUs.

    net = foldconv.load("model.onnx")                 # folds, fuses; weights to the device, once
    plan = net.plan(n=8, h=224, w=224)                # once for each shape
    logits = plan(images)                             # NumPy, or any array on the device

With FOLDCONV_EMULATE=1 in the environment, before the import, it runs on the CPU, on the emulator that comes with it.
"""

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
    array,
    fold,
)
from ._explain import NetworkExplanation, PlanExplanation
from ._load import inspect, load
from ._ports import Port, Problem

__version__: str = _version()

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
    "emulated",
    "fold",
    "inspect",
    "load",
]

# Where users find them, not where they are written.
for _name in __all__:
    _object = globals()[_name]
    if isinstance(_object, type) and _object.__module__ != "foldconv._foldconv":
        _object.__module__ = "foldconv"
del _object, _name
