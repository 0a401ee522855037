# SPDX-License-Identifier: MIT
"""The backend "foldconv" of torch.compile: what foldconv takes of a graph runs in it, the rest in torch."""

import typing
import warnings

import torch
from torch._dynamo.backends.common import aot_autograd
from torch._dynamo.source import is_from_unspecialized_param_buffer_source
from torch._functorch.aot_autograd import make_boxed_func

from .._errors import InvalidArgument
from .part import Part, Settings
from .partition import partition


def backend(graph: torch.fx.GraphModule, example_inputs: typing.Sequence[typing.Any], *,
            options: typing.Optional[typing.Mapping[str, typing.Any]] = None,
            **ignored: typing.Any) -> typing.Callable[..., typing.Any]:
    """torch.compile(module, backend="foldconv", options={"dtype": "f16"}).

    Parts of the graph that hold a convolution or a linear layer become networks, the first time that they run; parts that
    foldconv does not take run in torch, and a warning says why. Weights are baked in: where torch counts a change of
    them, the network is made anew, which takes seconds. Graphs that need gradients run in torch.

    options: dtype ("f16", "bf16", "f32"), fuse and blocks as in foldconv.load(); plans: of how many shapes plans are kept.
    """
    settings = _settings(options or {})
    reason = _needs_gradients(graph, example_inputs)
    if reason:
        warnings.warn(f"foldconv leaves a graph to torch: {reason}; call it under torch.no_grad() or inference_mode()",
                      RuntimeWarning, stacklevel=2)
        return graph.forward
    weights = {id(value): value for node, value in zip(_placeholders(graph), example_inputs) if _is_weight(node, value)}

    def compile_inference(aten_graph: torch.fx.GraphModule, _: typing.Any) -> typing.Callable[..., typing.Any]:
        constants = dict(weights)
        for node in aten_graph.graph.nodes:
            if node.op == "get_attr":
                value = getattr(aten_graph, node.target)
                constants[id(value)] = value
        for name, part in partition(aten_graph).items():
            setattr(aten_graph, name, Part(part, settings, lambda tensor: id(tensor) in constants))
        return make_boxed_func(aten_graph.forward)

    return aot_autograd(fw_compiler=compile_inference)(graph, example_inputs)


def _settings(options: typing.Mapping[str, typing.Any]) -> Settings:
    for name in options:
        if name not in Settings._fields:
            raise InvalidArgument(f"no such option of the backend foldconv: \"{name}\"; give {', '.join(Settings._fields)}")
    return Settings(**options)


def _placeholders(graph: torch.fx.GraphModule) -> typing.List[torch.fx.Node]:
    return [node for node in graph.graph.nodes if node.op == "placeholder"]


def _is_weight(node: torch.fx.Node, value: typing.Any) -> bool:
    if isinstance(value, torch.nn.Parameter):
        return True
    argument = node.meta.get("grapharg")
    return (isinstance(value, torch.Tensor) and argument is not None
            and is_from_unspecialized_param_buffer_source(argument.source))


def _needs_gradients(graph: torch.fx.GraphModule, inputs: typing.Sequence[typing.Any]) -> str:
    """What of it does, or nothing."""
    if not torch.is_grad_enabled():
        return ""
    for node, value in zip(_placeholders(graph), inputs):
        if isinstance(value, torch.Tensor) and value.requires_grad:
            return f"{node.name} requires gradients, and foldconv computes none"
    return ""
