# SPDX-License-Identifier: MIT
"""Networks called with tensors: a plan for each shape."""

import collections
import threading
import typing

import torch

from .. import _foldconv
from .._errors import InvalidArgument

NAMES = {torch.float32: "f32", torch.float16: "f16", torch.bfloat16: "bf16"}

Tensors = typing.Sequence[torch.Tensor]


class Plans:
    """Calls a network with tensors on the CPU, which are copied, or on its GPU, which are not: then it runs on torch's
    current stream of that GPU, into memory of torch."""

    def __init__(self, network: _foldconv.Network, dtypes: typing.Sequence[torch.dtype], most: int) -> None:
        """dtypes: of the outputs. most: as many plans are kept, those that were used last."""
        self.network = network
        self._dtypes = list(dtypes)
        self._most = most
        # Converted by the plan where it can be.
        stored = all(NAMES[dtype] == network.dtype != "f32" for dtype in self._dtypes)
        self._output = "storage" if stored else "f32"
        self._plans: "collections.OrderedDict[typing.Any, _foldconv.Plan]" = collections.OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, tensors: Tensors) -> typing.List[torch.Tensor]:
        tensors, layout = _laid_out(tensors)
        plan = self._plan(tensors, layout)
        device = tensors[0].device
        if device.type == "cpu":
            answers = plan(*[tensor.numpy() for tensor in tensors])
            answers = answers if isinstance(answers, tuple) else (answers,)
            results = [torch.from_numpy(answer) for answer in answers]
        else:
            stored = torch.float32 if self._output == "f32" else self._dtypes[0]
            results = [torch.empty(port.shape, dtype=stored, device=device) for port in plan.outputs]
            plan(*tensors, stream=torch.cuda.current_stream(device), out=tuple(results))
        return [result.to(dtype) for result, dtype in zip(results, self._dtypes)]

    def plan(self, tensors: Tensors) -> _foldconv.Plan:
        """The plan that a call with tensors like these takes."""
        return self._plan(*_laid_out(tensors))

    def _plan(self, tensors: Tensors, layout: str) -> _foldconv.Plan:
        dtype = tensors[0].dtype
        key = (dtype, layout, *(tensor.shape for tensor in tensors))
        with self._lock:
            plan = self._plans.get(key)
            if plan is None:
                plan = self.network.plan(inputs=[list(tensor.shape) for tensor in tensors],
                                         input=NAMES[dtype] + layout, output=self._output)
                self._plans[key] = plan
                if len(self._plans) > self._most:
                    self._plans.popitem(last=False)
            self._plans.move_to_end(key)
        return plan


def _laid_out(tensors: Tensors) -> typing.Tuple[typing.List[torch.Tensor], str]:
    """The tensors as a plan takes them, and the layout of those that are images: " nhwc" or none, the model's own."""
    device = tensors[0].device
    for index, tensor in enumerate(tensors):
        if tensor.device != device:
            raise InvalidArgument(f"input {index} is on another device: {tensor.device}, those before it are on {device}; "
                                  "move all to one")
        if device.type not in ("cpu", "cuda"):
            raise InvalidArgument(f"input {index} is on a device that foldconv does not know: {device}; move it to the CPU "
                                  "or to a CUDA device")
        if tensor.dtype not in NAMES:
            raise InvalidArgument(f"input {index} has a type that foldconv does not take: {tensor.dtype}; convert it to "
                                  "float32, float16 or bfloat16")
    # Plans read all inputs as one type, and no bf16.
    dtype = tensors[0].dtype
    if dtype == torch.bfloat16 or any(tensor.dtype != dtype for tensor in tensors):
        dtype = torch.float32
    tensors = [tensor.detach().to(dtype) for tensor in tensors]
    images = [tensor for tensor in tensors if tensor.dim() == 4]
    if device.type == "cuda" and images and all(_is_channels_last(tensor) for tensor in images):
        return [tensor if tensor.dim() == 4 else tensor.contiguous() for tensor in tensors], " nhwc"
    return [_aligned(tensor.contiguous()) for tensor in tensors], ""


def _is_channels_last(tensor: torch.Tensor) -> bool:
    return tensor.is_contiguous(memory_format=torch.channels_last) and not tensor.is_contiguous()


def _aligned(tensor: torch.Tensor) -> torch.Tensor:
    """A slice of a tensor may begin anywhere."""
    return tensor if tensor.device.type == "cpu" or tensor.data_ptr() % 16 == 0 else tensor.clone()
