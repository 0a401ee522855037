# SPDX-License-Identifier: MIT
"""foldconv.compile: a whole module as one network."""

import threading
import typing

import torch

from .. import _foldconv
from .._errors import InvalidArgument, Unsupported
from .._load import inspect, load
from .export import export
from .plans import NAMES, Plans
from .weights import Norm, Slots, Weights


def compile(module: torch.nn.Module, *example: torch.Tensor, dtype: typing.Optional[str] = None,
            dynamic_batch: bool = True, dynamic_size: bool = False, fuse: bool = True, blocks: bool = True,
            plans: int = 8, device: typing.Optional[int] = None) -> "Compiled":
    """A module in evaluation mode, as one network that is called like it.

    example: tensors that the module takes; their values do not matter.
    dtype: of weights and tensors: "f16", "bf16" or "f32"; None: bf16 of a module in bfloat16, else f16.
    dynamic_batch, dynamic_size: calls may have another first extent; another third and fourth.
    fuse, blocks: as in foldconv.load().
    plans: of how many shapes plans are kept.
    device: of the network; None: that of the example, of one on the CPU the current one.
    """
    return Compiled(module, example, dtype, dynamic_batch, dynamic_size, fuse, blocks, plans, device)


class Compiled:
    """A module as a network. Tensors on the CPU are copied, and so is the answer; those on the network's GPU are not, and
    it runs on torch's current stream. Weights are baked in: where torch counts a change of them, the next call makes the
    network anew, which takes seconds. Threads may share it."""

    def __init__(self, module: torch.nn.Module, example: typing.Sequence[torch.Tensor], dtype: typing.Optional[str],
                 dynamic_batch: bool, dynamic_size: bool, fuse: bool, blocks: bool, plans: int,
                 device: typing.Optional[int]) -> None:
        if not isinstance(module, torch.nn.Module):
            raise InvalidArgument(f"no module: {type(module).__name__}; give a torch.nn.Module")
        if not example:
            raise InvalidArgument(f"no example: {type(module).__name__}; give the tensors that it takes, as zeros")
        for place, tensor in enumerate(example):
            _check_tensor(place, tensor)
        self.module = module
        self._free = [[dimension for dimension in range(tensor.dim())
                       if (dynamic_batch and dimension == 0)
                       or (dynamic_size and tensor.dim() == 4 and dimension >= 2)] for tensor in example]
        # The exporter takes an extent of 1 for one that is always 1.
        self._example = [torch.empty([2 if extent == 1 and dimension in free else extent
                                      for dimension, extent in enumerate(tensor.shape)],
                                     dtype=tensor.dtype, device=tensor.device)
                         for tensor, free in zip(example, self._free)]
        if device is None and example[0].device.type == "cuda":
            device = example[0].device.index
        self._options = {"dtype": dtype or ("bf16" if example[0].dtype == torch.bfloat16 else "f16"),
                         "fuse": fuse, "blocks": blocks, "device": device}
        self._most_plans = plans
        self._lock = threading.Lock()
        self._build()

    def __call__(self, *tensors: torch.Tensor) -> typing.Any:
        self._check_call(tensors)
        plans, outputs = self._current()
        return torch.utils._pytree.tree_unflatten(plans(tensors), outputs)

    def plan(self, *tensors: torch.Tensor) -> _foldconv.Plan:
        """The plan that a call with tensors like these takes."""
        self._check_call(tensors)
        return self._current()[0].plan(tensors)

    def explain(self) -> typing.Any:
        """What was folded and fused, and what was not, and why; plan(..).explain(): which kernels run."""
        return self._current()[0].network.explain()

    def _current(self) -> typing.Tuple[Plans, torch.utils._pytree.TreeSpec]:
        with self._lock:
            if not self._slots.are_same() or self._weights.changed(self._slots.tensors):
                self._build()
            return self._plans, self._outputs

    def _build(self) -> None:
        self._modules = dict(self.module.named_modules())
        self._check_mode()
        name = type(self.module).__name__
        slots = Slots(self.module)
        weights = Weights(slots.tensors, [tensor for norm in self._modules.values() if isinstance(norm, Norm)
                                          for tensor in (norm.running_mean, norm.running_var) if tensor is not None])
        exported = export(self.module, self._example, self._free)
        problems = inspect(exported.onnx)
        if problems:
            error = Unsupported(f"{name} does what foldconv does not take: " + "; ".join(map(str, problems))
                                + "; change it, or use torch.compile(module, backend=\"foldconv\"), which leaves that to "
                                "torch")
            error.problems = problems
            raise error
        plans = Plans(load(exported.onnx, **self._options), exported.dtypes, self._most_plans)
        self._slots, self._weights, self._outputs, self._plans = slots, weights, exported.outputs, plans

    def _check_mode(self) -> None:
        for name, module in self._modules.items():
            if module.training:
                raise InvalidArgument(f"{name or 'the module'} ({type(module).__name__}) is in training mode; call "
                                      "module.eval() first")

    def _check_call(self, tensors: typing.Sequence[torch.Tensor]) -> None:
        self._check_mode()
        if len(tensors) != len(self._example):
            raise InvalidArgument(f"another number of tensors than the example had: {len(tensors)}; give "
                                  f"{len(self._example)}")
        for place, (tensor, example, free) in enumerate(zip(tensors, self._example, self._free)):
            _check_tensor(place, tensor)
            if tensor.requires_grad and torch.is_grad_enabled():
                raise InvalidArgument(f"input {place} requires gradients, and foldconv computes none; call under "
                                      "torch.no_grad(), or give tensor.detach()")
            if tensor.dtype != example.dtype:
                raise InvalidArgument(f"input {place} has another type than the example: {tensor.dtype}; give "
                                      f"{example.dtype}")
            fits = tensor.dim() == example.dim() and all(
                extent == wanted or dimension in free
                for dimension, (extent, wanted) in enumerate(zip(tensor.shape, example.shape)))
            if not fits or tensor.numel() == 0:
                wanted = ", ".join("any" if dimension in free else str(extent)
                                   for dimension, extent in enumerate(example.shape))
                raise InvalidArgument(f"input {place} has another shape than the example: {tuple(tensor.shape)}; give "
                                      f"({wanted}), or compile with an example of that shape, with dynamic_batch=True or "
                                      "with dynamic_size=True")


def _check_tensor(place: int, tensor: typing.Any) -> None:
    if not isinstance(tensor, torch.Tensor):
        raise InvalidArgument(f"input {place} is no tensor: {type(tensor).__name__}; give a torch.Tensor")
    if tensor.dtype not in NAMES:
        raise InvalidArgument(f"input {place} has a type that foldconv does not take: {tensor.dtype}; give float32, float16 "
                              "or bfloat16")
