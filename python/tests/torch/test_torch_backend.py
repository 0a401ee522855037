# SPDX-License-Identifier: MIT
"""torch.compile(module, backend="foldconv") against torch itself, in fp64."""

import warnings

import pytest

pytest.importorskip("torch.nn", reason="no torch here; python/run.sh --torch installs it")
import foldconv
import torch
from foldconv.torch.part import Part
from test_torch_compile import CHANGES
from torch import nn
from torch_modules import Mobile, Plain, Residual, Split, TwoOutputs, assert_close, images, in_fp64, seeded


@pytest.fixture(autouse=True)
def fresh():
    torch._dynamo.reset()


@pytest.fixture
def parts(monkeypatch):
    """Parts, as often as a network answered for one."""
    ran = []
    forward = Part.forward

    def counted(part, *arguments):
        answer = forward(part, *arguments)
        ran.extend([] if part.refused else [part])
        return answer

    monkeypatch.setattr(Part, "forward", counted)
    return ran


def compiled(module, **options):
    return torch.compile(module, backend="foldconv", **({"options": options} if options else {}))


def test_is_registered():
    assert "foldconv" in torch._dynamo.list_backends()


@pytest.mark.parametrize("make, roundings", [(Residual, 14), (Mobile, 10)])
def test_whole_networks(make, roundings, parts):
    module, x = seeded(make()), images(3)
    with torch.no_grad():
        answer = compiled(module)(x)
    assert len(parts) == 1
    assert_close(answer, in_fp64(module, x), roundings)


def test_batches(parts):
    """The graph of the second batch leaves the extent open; one image has a graph of its own, and the same bits."""
    module, x = seeded(Plain()), images(5)
    function = compiled(module)
    with torch.no_grad():
        answers = [function(x[:n]) for n in (3, 5, 4, 1)]
    assert len(parts) == 4 and len(set(parts)) == 3
    for answer in answers:
        assert_close(answer, in_fp64(module, x[:len(answer)]), 4)
        assert torch.equal(answer, answers[1][:len(answer)])


def test_an_operator_in_the_middle(parts):
    module, x = seeded(Split()), images(2)
    function = compiled(module)
    with torch.no_grad():
        answer = function(x)
    assert len(parts) == 2
    assert_close(answer, in_fp64(module, x), 4)


class Brightest(nn.Module):
    """A mean over channels: of the table, and refused by the importer."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)

    def forward(self, x):
        return self.conv(x).mean(1)


def test_a_part_that_the_importer_refuses(parts):
    module, x = seeded(Brightest()), images(2)
    function = compiled(module)
    with torch.no_grad():
        with pytest.warns(RuntimeWarning, match="leaves a part of the graph to torch, .*: .*ReduceMean.*axes") as caught:
            answer = function(x)
        assert len(caught) == 1
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            function(x)
        assert torch.equal(answer, module(x))
    assert not parts


def test_two_outputs(parts):
    module, x = seeded(TwoOutputs()), images(2)
    with torch.no_grad():
        answer = compiled(module)(x)
    assert len(parts) == 1
    for name, wanted in in_fp64(module, x).items():
        assert_close(answer[name], wanted, 4)


@pytest.mark.parametrize("change", CHANGES)
def test_changed_weights(change, parts):
    module, x = seeded(Plain()), images(2)
    function = compiled(module)
    with torch.no_grad():
        before = function(x)
        change(module)
        after = function(x)
    assert len(parts) == 2
    wanted = in_fp64(module, x)
    assert_close(after, wanted, 4)
    with pytest.raises(AssertionError):
        assert_close(before, wanted, 4)


def test_two_modules_of_a_class(parts):
    """They may share a graph: each has its own network, and keeps it."""
    x = images(2)
    modules = [seeded(Plain(), seed) for seed in (3, 4)]
    functions = [compiled(module) for module in modules]
    with torch.no_grad():
        answers = [function(x) for function in functions * 2]
    for module, answer in zip(modules * 2, answers):
        assert_close(answer, in_fp64(module, x), 4)


def test_gradients_are_left_to_torch(parts):
    module, x = seeded(Plain()), images(2)
    with pytest.warns(RuntimeWarning, match="leaves a graph to torch: .* requires gradients, .*no_grad"):
        compiled(module)(x).sum().backward()
    found = module.conv.weight.grad.clone()
    module.zero_grad()
    module(x).sum().backward()
    torch.testing.assert_close(found, module.conv.weight.grad)
    assert not parts


def test_training_is_left_to_torch(parts):
    """Without gradients: the convolution may run in foldconv, the norm may not."""
    module, x = seeded(Plain()).train(), images(4)
    twin = seeded(Plain()).train()
    with torch.no_grad():
        answer, wanted = compiled(module)(x), twin(x)
    torch.testing.assert_close(answer, wanted, atol=0.01, rtol=0)
    torch.testing.assert_close(module.norm.running_var, twin.norm.running_var, atol=0.01, rtol=0)
    assert module.norm.num_batches_tracked == twin.norm.num_batches_tracked == 1


def test_channels_last(parts):
    module, x = seeded(nn.Conv2d(3, 8, 3)).to(memory_format=torch.channels_last), images(2)
    x = x.to(memory_format=torch.channels_last)
    with torch.no_grad():
        answer, wanted = compiled(module)(x), module(x)
    assert answer.stride() == wanted.stride()
    assert_close(answer, in_fp64(module, x), 3)
    assert len(parts) == 1


def test_inference_mode_and_half(parts):
    module, x = seeded(Plain()).half(), images(2).half()
    with torch.inference_mode():
        answer = compiled(module)(x)
    assert answer.dtype == torch.float16 and len(parts) == 1
    assert_close(answer, in_fp64(module, x), 5)


def test_what_is_not_a_number_stays(parts):
    module, x = seeded(Plain()), images(2)
    x[1, 0, 7, 6] = float("nan")
    with torch.no_grad():
        answer = compiled(module)(x)
    assert answer[1].isnan().all() and not answer[0].isnan().any() and len(parts) == 1


def test_options(parts):
    module, x = seeded(Plain()), images(2)
    with torch.no_grad():
        assert_close(compiled(module, dtype="f32")(x), in_fp64(module, x), 4, unit=2**-22)
        with pytest.raises(Exception, match='no such option of the backend foldconv: "dtyp"; give dtype, fuse, blocks'):
            compiled(module, dtyp="f32")(x)
    assert len(parts) == 1
