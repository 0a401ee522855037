# SPDX-License-Identifier: MIT
"""Which nodes of a graph become parts; by itself, without a network."""

import pytest

pytest.importorskip("torch.nn", reason="no torch here; python/run.sh --torch installs it")
import torch
from foldconv.torch.partition import partition
from torch import nn
from torch._functorch.aot_autograd import aot_export_module
from torch_modules import Bottleneck, Plain, Split, images, seeded


class InTuple(nn.Module):
    """Graphs answer tuples."""

    def __init__(self, module):
        super().__init__()
        self.module = module

    def forward(self, *tensors):
        answer = self.module(*tensors)
        return answer if isinstance(answer, tuple) else (answer,)


def parts_of(module, *tensors):
    """The graph's calls, and the parts' operators."""
    with torch.no_grad():
        graph, _ = aot_export_module(InTuple(module), tensors, trace_joint=False)
    names = partition(graph)
    calls = [str(node.target) for node in graph.graph.nodes if node.op in ("call_function", "call_module")]
    operators = {name: [str(node.target) for node in part.graph.nodes if node.op == "call_function"]
                 for name, part in names.items()}
    return calls, operators


def test_whole():
    for module in (Plain(), nn.Sequential(Bottleneck(3, 4, 8, 2), Bottleneck(8, 4, 8))):
        calls, operators = parts_of(seeded(module), images(2))
        assert calls == ["fused_0"] and len(operators["fused_0"]) > 5


def test_an_operator_in_the_middle():
    calls, operators = parts_of(seeded(Split()), images(2))
    assert len(calls) == 3 and calls[1] == "aten.sin.default"
    assert [len(operators[call]) for call in (calls[0], calls[2])] == [2, 2]


class Diamond(nn.Module):
    """What is left out lies between two uses of the first part: one part would be its own input's input."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 1)

    def forward(self, x):
        x = self.first(x)
        return self.second(x) + torch.cos(x)


def test_no_part_waits_for_itself():
    calls, operators = parts_of(seeded(Diamond()), images(1))
    assert "aten.cos.default" in calls
    assert sorted(sum(operators.values(), [])).count("aten.convolution.default") == 2


class Both(nn.Module):
    """A pool's second result is read."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)

    def forward(self, x):
        values, places = nn.functional.max_pool2d(self.conv(x), 2, return_indices=True)
        return values, places


@pytest.mark.parametrize("module, kept", [
    (nn.ReLU(), "aten.relu.default"),  # no product: not worth a launch
    (nn.ConvTranspose2d(3, 4, 3), "aten.convolution.default"),
    (Both(), "aten.max_pool2d_with_indices.default"),
])
def test_left_alone(module, kept):
    calls, operators = parts_of(seeded(module), images(1))
    assert kept in calls
    assert all(kept not in part for part in operators.values())


def test_doubles_are_left_alone():
    calls, operators = parts_of(nn.Conv2d(3, 4, 1).double(), images(1).double())
    assert not operators and "aten.convolution.default" in calls
