# SPDX-License-Identifier: MIT
"""Which parts of a graph of ATen operators foldconv is asked to take."""

import operator
import typing

import torch
from torch.fx.passes.infra.partitioner import CapabilityBasedPartitioner
from torch.fx.passes.operator_support import OperatorSupportBase

from .plans import NAMES

aten = torch.ops.aten

# What a part is made for.
PRODUCTS = {aten.convolution.default, aten.addmm.default, aten.mm.default}

# Operators that the importer takes in some form; whether in this one, it says itself.
OPERATORS = PRODUCTS | {
    aten._native_batch_norm_legit_no_training.default,
    aten.relu.default, aten.hardtanh.default, aten.clamp.default, aten.clamp_min.default, aten.leaky_relu.default,
    aten.sigmoid.default, aten.tanh.default, aten.silu.default, aten.gelu.default, aten.hardswish.default,
    aten.hardsigmoid.default,
    aten.add.Tensor, aten.sub.Tensor, aten.mul.Tensor, aten.div.Tensor,
    aten.max_pool2d_with_indices.default, aten.avg_pool2d.default, aten._adaptive_avg_pool2d.default, aten.mean.dim,
    aten.view.default, aten._unsafe_view.default, aten.reshape.default, aten.clone.default, aten.alias.default,
    aten.squeeze.dim, aten.squeeze.dims, aten.unsqueeze.default, aten.t.default, aten.transpose.int,
    aten.permute.default, aten.cat.default, aten.slice.Tensor, aten.constant_pad_nd.default, aten._softmax.default,
    aten.upsample_nearest2d.default, aten.upsample_nearest2d.vec,
}

# Of their results only the first is taken.
TUPLES = {aten._native_batch_norm_legit_no_training.default, aten.max_pool2d_with_indices.default}


class Support(OperatorSupportBase):
    """The table above, with what can be told of a node without the importer."""

    def is_node_supported(self, submodules: typing.Mapping[str, torch.nn.Module], node: torch.fx.Node) -> bool:
        if node.op != "call_function":
            return False
        if node.target is operator.getitem:
            source = node.args[0]
            return node.args[1] == 0 and isinstance(source, torch.fx.Node) and self.is_node_supported(submodules, source)
        if node.target not in OPERATORS:
            return False
        if node.target in TUPLES:
            return all(user.target is operator.getitem and user.args[1] == 0 for user in node.users)
        if node.target is aten.convolution.default and not _is_plain_convolution(node):
            return False
        return all(_is_float(value) for value in (node, *node.all_input_nodes))


def _is_float(node: torch.fx.Node) -> bool:
    """Or a size, or the tuple of an operator that has been looked at."""
    value = node.meta.get("val")
    return not isinstance(value, torch.Tensor) or value.dtype in NAMES


def _is_plain_convolution(node: torch.fx.Node) -> bool:
    """Of images, and not transposed."""
    weight, transposed = node.args[1], node.args[6]
    return not transposed and weight.meta["val"].dim() == 4


def partition(graph: torch.fx.GraphModule) -> typing.Dict[str, torch.fx.GraphModule]:
    """Makes modules of the parts of a graph that hold a product, in place; they, by name."""
    partitioner = CapabilityBasedPartitioner(graph, Support(), allows_single_node_partition=True)
    parts = [part for part in partitioner.propose_partitions()
             if any(node.target in PRODUCTS for node in part.nodes)]
    before = {name for name, _ in graph.named_children()}
    partitioner.fuse_partitions(parts)
    return {name: part for name, part in graph.named_children() if name not in before}
