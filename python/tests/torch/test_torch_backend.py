# SPDX-License-Identifier: MIT
"""torch.compile(module, backend="foldconv") against torch itself, in fp64."""

import warnings

import pytest

pytest.importorskip("torch.nn", reason="no torch here; python/run.sh --torch installs it")
import foldconv
import torch
from foldconv.torch.part import Part
from foldconv.torch.plans import Plans
from test_torch_compile import train_a_norm
from threads import run_in_threads
from torch import nn
from torch_modules import Mobile, Plain, Residual, Split, TwoOutputs, assert_close, images, in_fp64, seeded


@pytest.fixture(autouse=True)
def fresh():
    torch._dynamo.reset()


@pytest.fixture
def parts(monkeypatch):
    """Parts, as often as a network answered for one."""
    ran = []
    answer = Part._answer

    def counted(part, arguments):
        results = answer(part, arguments)
        ran.extend([] if results is None else [part])
        return results

    monkeypatch.setattr(Part, "_answer", counted)
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


def test_shapes_that_no_plan_takes(parts, monkeypatch):
    """They alone run in torch, with one warning each; of the last ones that is remembered."""
    plan = Plans._plan

    def refusing(plans, tensors, layout):
        n = len(tensors[0])
        if n in (3, 4):
            raise foldconv.InvalidArgument(f"{n} images")
        return plan(plans, tensors, layout)

    monkeypatch.setattr(Plans, "_plan", refusing)
    monkeypatch.setattr(Part, "most_refused_shapes", 1)
    module, x = seeded(nn.Conv2d(3, 4, 1)), images(5)
    function = torch.compile(module, backend="foldconv", dynamic=True)

    def refused(n):
        with pytest.warns(RuntimeWarning, match=rf"to torch for tensors of \({n}, 3, 15, 13\), .*: {n} images") as caught:
            assert torch.equal(function(x[:n]), module(x[:n]))
        assert len(caught) == 1

    with torch.no_grad():
        refused(3)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert torch.equal(function(x[:3]), module(x[:3]))
            assert not parts
            for n in (5, 2):
                assert_close(function(x[:n]), in_fp64(module, x[:n]), 3)
        assert len(parts) == 2 and len(set(parts)) == 1
        refused(4)
        refused(3)
    assert len(parts[0]._refused_shapes) == 1


def test_threads(parts):
    """Graphs are made and called at once, for two shapes."""
    module = seeded(nn.Conv2d(3, 4, 1))
    x = [images(2), images(3, 9, 21)]
    function = compiled(module)
    with torch.no_grad():
        wanted = [foldconv.compile(module, one)(one) for one in x]

    def work(index):
        with torch.no_grad():  # a state of the thread
            for turn in range(4):
                of = (index + turn // 2) % 2
                assert torch.equal(function(x[of]), wanted[of])
    run_in_threads(4, work, timeout=300)
    assert len(parts) == 16


def test_two_outputs(parts):
    module, x = seeded(TwoOutputs()), images(2)
    with torch.no_grad():
        answer = compiled(module)(x)
    assert len(parts) == 1
    for name, wanted in in_fp64(module, x).items():
        assert_close(answer[name], wanted, 4)


def test_changed_weights(parts):
    """One way; test_torch_compile.py has the others."""
    module, x = seeded(Plain()), images(2)
    function = compiled(module)
    with torch.no_grad():
        before = function(x)
        train_a_norm(module)
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
