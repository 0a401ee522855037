# SPDX-License-Identifier: MIT
"""A part of a graph, run by foldconv where its importer takes it, else by torch."""

import collections
import copy
import threading
import typing
import warnings

import torch

from .._errors import Error, InvalidArgument, Unsupported
from .._load import inspect, load
from .export import export
from .plans import Plans
from .weights import Weights

aten = torch.ops.aten


class Settings(typing.NamedTuple):
    """What torch.compile(options={..}) may say."""

    dtype: typing.Optional[str] = None  # of weights and tensors; None: bf16 where the first input is, else f16
    fuse: bool = True
    blocks: bool = True
    plans: int = 8  # as many shapes are kept planned


class _Built(typing.NamedTuple):
    weights: Weights
    plans: Plans
    outputs: torch.utils._pytree.TreeSpec


class Part(torch.nn.Module):
    """Its arguments are weights, tensors and sizes. Weights are baked into a network, for each set of them that it is
    called with: modules of one class may share a graph."""

    most_networks = 64
    most_refused_shapes = 256

    def __init__(self, graph: torch.fx.GraphModule, settings: Settings,
                 is_weight: typing.Callable[[torch.Tensor], bool]) -> None:
        super().__init__()
        self.graph = graph
        self.refused = ""  # why it runs in torch, at any shape
        self._settings = settings
        self._is_weight = is_weight
        # Which arguments are what: the first call tells.
        self._weights: typing.Optional[typing.List[int]] = None
        self._tensors: typing.List[int] = []
        self._sizes: typing.Dict[int, typing.Tuple[int, int]] = {}  # which tensor's extent it is, and which
        self._fixed: typing.List[int] = []  # numbers that a network is made for
        self._networks: "collections.OrderedDict[typing.Any, _Built]" = collections.OrderedDict()
        # Those of which no plan could be made, the last ones.
        self._refused_shapes: "collections.OrderedDict[typing.Any, None]" = collections.OrderedDict()
        self._lock = threading.Lock()
        self._placeholders = [node for node in graph.graph.nodes if node.op == "placeholder"]
        self._values = [node.meta.get("val") for node in self._placeholders]
        self._statistics = {place for place, node in enumerate(self._placeholders)
                            if any(_is_statistics(user, node) for user in node.users)}
        self._channels_last = [_is_channels_last(value.meta.get("val")) for value in _outputs(graph)]

    def forward(self, *arguments: typing.Any) -> typing.Any:
        results = None if self.refused else self._answer(arguments)
        return self.graph(*arguments) if results is None else results

    def _answer(self, arguments: typing.Sequence[typing.Any]) -> typing.Any:
        """A network's, or None where torch is to compute it."""
        prepared = self._prepared(arguments)
        if prepared is None:
            return None
        tensors, built = prepared
        try:
            results = built.plans(tensors)
        except (Unsupported, InvalidArgument) as error:
            self._refuse_shape(arguments, error)
            return None
        for place, channels_last in enumerate(self._channels_last):
            if channels_last:
                results[place] = results[place].contiguous(memory_format=torch.channels_last)
        return torch.utils._pytree.tree_unflatten(results, built.outputs)

    def _prepared(self, arguments: typing.Sequence[typing.Any]
                  ) -> typing.Optional[typing.Tuple[typing.List[torch.Tensor], _Built]]:
        """The tensors of a call, and the network for its weights; None where torch is to compute it."""
        with self._lock:
            if self.refused:  # while this call waited
                return None
            if self._weights is None:
                self._weights = [place for place, argument in enumerate(arguments)
                                 if isinstance(argument, torch.Tensor) and self._is_weight(argument)]
                self._sizes = _sizes(self._values, self._weights)
                self._tensors = [place for place, argument in enumerate(arguments)
                                 if isinstance(argument, torch.Tensor) and place not in self._weights]
                self._fixed = [place for place, argument in enumerate(arguments)
                               if not isinstance(argument, torch.Tensor) and place not in self._sizes]
            tensors = [arguments[place] for place in self._tensors]
            if any(tensor.numel() == 0 for tensor in tensors):
                return None
            if self._refused_shapes and self._shape(arguments) in self._refused_shapes:
                return None
            weights = [arguments[place] for place in self._weights]
            key = (*map(id, weights), *(arguments[place] for place in self._fixed))
            built = self._networks.get(key)
            if built is None or built.weights.changed(weights):
                try:
                    built = self._build(arguments, weights)
                except (Unsupported, InvalidArgument) as error:
                    self.refused = error.message
                    self._warn("", error)
                    return None
                self._networks[key] = built
                if len(self._networks) > self.most_networks:
                    self._networks.popitem(last=False)
            self._networks.move_to_end(key)
        return tensors, built

    def _shape(self, arguments: typing.Sequence[typing.Any]) -> typing.Tuple[typing.Any, ...]:
        """What a plan is made for, and its network beside the weights."""
        tensors = [arguments[place] for place in self._tensors]
        return (*((tensor.shape, tensor.dtype, tensor.device) for tensor in tensors),
                *(arguments[place] for place in self._fixed))

    def _refuse_shape(self, arguments: typing.Sequence[typing.Any], error: Error) -> None:
        shape = self._shape(arguments)
        with self._lock:
            if shape in self._refused_shapes:
                return
            self._refused_shapes[shape] = None
            if len(self._refused_shapes) > self.most_refused_shapes:
                self._refused_shapes.popitem(last=False)
        shown = ", ".join(str(tuple(arguments[place].shape)) for place in self._tensors)
        self._warn(f" for tensors of {shown}", error)

    def _build(self, arguments: typing.Sequence[typing.Any], weights: typing.Sequence[torch.Tensor]) -> _Built:
        baked = Weights(weights, [arguments[place] for place in self._statistics if place in self._weights])
        tensors = [arguments[place] for place in self._tensors]
        if not tensors:
            raise Unsupported("it takes no tensor but weights; compute it once, outside of the module")
        free = [[dimension for dimension, extent in enumerate(self._values[place].shape)
                 if isinstance(extent, torch.SymInt)] for place in self._tensors]
        constants = {place: arguments[place] for place in (*self._weights, *self._fixed)}
        exported = export(_Bound(self.graph, constants, self._sizes, self._tensors), tensors, free)
        problems = inspect(exported.onnx)
        if problems:
            raise Unsupported("; ".join(map(str, problems[:3])) + ("" if len(problems) <= 3 else
                                                                  f"; and {len(problems) - 3} more"))
        device = tensors[0].device
        dtype = self._settings.dtype or ("bf16" if tensors[0].dtype == torch.bfloat16 else "f16")
        network = load(exported.onnx, dtype=dtype, fuse=self._settings.fuse, blocks=self._settings.blocks,
                       device=device.index if device.type == "cuda" else None)
        return _Built(baked, Plans(network, exported.dtypes, self._settings.plans), exported.outputs)

    def _warn(self, when: str, error: Error) -> None:
        nodes = [node for node in self.graph.graph.nodes if node.op == "call_function"]
        warnings.warn(f"foldconv leaves a part of the graph to torch{when}, {len(nodes)} operators from {nodes[0].name} to "
                      f"{nodes[-1].name}: {error.message}", RuntimeWarning, stacklevel=2)


class _Bound(torch.nn.Module):
    """A graph as a function of its tensors alone."""

    def __init__(self, graph: torch.fx.GraphModule, constants: typing.Mapping[int, typing.Any],
                 sizes: typing.Mapping[int, typing.Tuple[int, int]], tensors: typing.Sequence[int]) -> None:
        super().__init__()
        self._graph = copy.deepcopy(graph)
        self._tensors = list(tensors)
        self._constants = {}
        for place, constant in constants.items():
            if isinstance(constant, torch.Tensor):
                self.register_buffer(f"weight{place}", constant.detach())
            else:
                self._constants[place] = constant
        self._sizes = dict(sizes)
        self._count = len(tensors) + len(constants) + len(sizes)
        self.eval()

    def forward(self, *tensors: torch.Tensor) -> typing.Any:
        given = dict(zip(self._tensors, tensors))
        for place in range(self._count):
            if place in self._sizes:
                tensor, dimension = self._sizes[place]
                given[place] = given[tensor].shape[dimension]
            elif place not in given:
                given[place] = self._constants[place] if place in self._constants else getattr(self, f"weight{place}")
        return self._graph(*[given[place] for place in range(self._count)])


def _outputs(graph: torch.fx.GraphModule) -> typing.List[torch.fx.Node]:
    returned = next(node for node in graph.graph.nodes if node.op == "output").args[0]
    return [returned] if isinstance(returned, torch.fx.Node) else list(returned)


def _is_channels_last(value: typing.Any) -> bool:
    """What follows in torch counts on the strides that it saw when the graph was made."""
    return (isinstance(value, torch.Tensor) and value.dim() == 4 and not value.is_contiguous()
            and value.is_contiguous(memory_format=torch.channels_last))


def _is_statistics(user: torch.fx.Node, node: torch.fx.Node) -> bool:
    return user.target is aten._native_batch_norm_legit_no_training.default and node in user.args[3:5]


def _sizes(values: typing.Sequence[typing.Any],
           weights: typing.Sequence[int]) -> typing.Dict[int, typing.Tuple[int, int]]:
    """Arguments that are an extent of a tensor, so that they can stay open."""
    extents = {}
    for place, value in enumerate(values):
        if isinstance(value, torch.Tensor) and place not in weights:
            for dimension, extent in enumerate(value.shape):
                if isinstance(extent, torch.SymInt):
                    extents.setdefault(extent.node.expr, (place, dimension))
    return {place: extents[value.node.expr] for place, value in enumerate(values)
            if isinstance(value, torch.SymInt) and value.node.expr in extents}
