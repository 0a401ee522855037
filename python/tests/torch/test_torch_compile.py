# SPDX-License-Identifier: MIT
"""foldconv.compile against torch itself, in fp64."""

import subprocess
import sys
import time
import typing

import pytest

pytest.importorskip("torch.nn", reason="no torch here; python/run.sh --torch installs it")
import foldconv
import foldconv.torch
import torch
from foldconv.torch.compiled import export
from foldconv.torch.compiled import load as load_network
from threads import run_in_threads
from torch import nn
from torch_modules import Bottleneck, Mobile, Plain, Residual, Split, TwoOutputs, assert_close, images, in_fp64, seeded


class Made(typing.NamedTuple):
    module: nn.Module
    compiled: foldconv.torch.Compiled


def made(module, **options):
    return Made(module, foldconv.compile(module, images(1), **options))


@pytest.fixture(scope="module")
def plain():
    """Tests leave it as it is, or as good as another."""
    return made(seeded(Plain()))


@pytest.fixture(scope="module")
def residual():
    return made(seeded(Residual()))


@pytest.fixture(scope="module")
def mobile():
    return made(seeded(Mobile()))


@pytest.mark.parametrize("name, roundings", [("plain", 4), ("residual", 14), ("mobile", 10)])
def test_networks(name, roundings, request):
    (module, compiled), x = request.getfixturevalue(name), images(3)
    answer = compiled(x)
    assert answer.dtype == torch.float32 and answer.device.type == "cpu"
    assert_close(answer, in_fp64(module, x), roundings)
    # One image by itself: the same bits.
    assert torch.equal(compiled(x[1:2]), answer[1:2])


def test_fp32_keeps_eps():
    module, x = seeded(Plain()), images(2)
    assert_close(foldconv.compile(module, x, dtype="f32")(x), in_fp64(module, x), 4, unit=2**-22)


def test_blocks_are_found(residual):
    assert "3 residual blocks" in str(residual.compiled.explain())


def test_two_outputs_in_the_modules_structure():
    module, x = seeded(TwoOutputs()), images(2)
    answer, wanted = foldconv.compile(module, x)(x), in_fp64(module, x)
    assert list(answer) == ["mask", "score"]
    for name in wanted:
        assert_close(answer[name], wanted[name], 4)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_modules_of_16_bits(dtype):
    module, x = seeded(Plain()).to(dtype), images(2).to(dtype)
    compiled = foldconv.compile(module, x)
    assert compiled(x).dtype == dtype
    assert_close(compiled(x), in_fp64(module, x), 5, unit=2**-11 if dtype == torch.float16 else 2**-8)


def test_what_is_not_a_number_stays():
    module, x = seeded(Bottleneck(3, 8, 16, 1)), images(2)
    x[1, 0, 7, 6] = float("nan")
    answer, wanted = foldconv.compile(module, x)(x), in_fp64(module, x)
    assert torch.equal(answer.isnan(), wanted.isnan())
    assert wanted.isnan().any() and not answer[0].isnan().any()


def test_tensors_as_they_come(plain):
    compiled, x = plain.compiled, images(3)
    wanted = compiled(x)
    assert torch.equal(compiled(x.to(memory_format=torch.channels_last)), wanted)
    assert torch.equal(compiled(x.transpose(2, 3).contiguous().transpose(2, 3)), wanted)
    with torch.inference_mode():
        assert torch.equal(compiled(x), wanted)


def test_other_sizes():
    module = seeded(Plain())
    compiled = foldconv.compile(module, images(1, 16, 16), dynamic_size=True, plans=2)
    for n, h, w in [(1, 16, 16), (2, 9, 21), (2, 16, 16), (1, 16, 16)]:
        x = images(n, h, w)
        assert_close(compiled(x), in_fp64(module, x), 4)
        assert compiled.plan(x).inputs[0].shape == (n, 3, h, w)
    assert len(compiled._plans._plans) == 2


# Ways to change a module that torch, or its norms, count.
def step(module, factor=2):
    with torch.no_grad():
        module.linear.weight.mul_(factor)


def load(module):
    module.load_state_dict(seeded(Plain(), seed=5).state_dict())


def replace(module):
    module.linear = seeded(nn.Linear(9, 5), seed=6)


def train_a_norm(module):
    module.train()
    with torch.no_grad():
        module(images(4, seed=7) + 3)
    module.eval()


def set_data(module):
    module.conv.weight.data = module.conv.weight.data * 2


CHANGES = [step, load, replace, train_a_norm, set_data]


@pytest.mark.parametrize("change", CHANGES)
def test_changed_weights(change, plain):
    (module, compiled), x = plain, images(2)
    before = compiled(x)
    change(module)
    wanted = in_fp64(module, x)
    assert_close(compiled(x), wanted, 4)
    with pytest.raises(AssertionError):
        assert_close(before, wanted, 4)  # the change can be seen


class Counting:
    """A network that tells of what shapes plans are made."""

    def __init__(self, network, shapes):
        self.network, self.dtype, self.shapes = network, network.dtype, shapes

    def plan(self, inputs, **options):
        self.shapes.append(inputs[0])
        time.sleep(0.05)  # the others' turn
        return self.network.plan(inputs=inputs, **options)


def test_threads_share_a_network(plain, monkeypatch):
    """It is made anew once, and a plan once for each shape, or again when it left for another."""
    (module, compiled), x = plain, [images(n) for n in (2, 3)]
    wanted = [compiled(one) for one in x]
    exports, shapes = [], []
    monkeypatch.setattr(foldconv.torch.compiled, "export", lambda *of: exports.append(of) or export(*of))
    monkeypatch.setattr(foldconv.torch.compiled, "load",
                        lambda *of, **options: Counting(load_network(*of, **options), shapes))
    step(module, 1)

    def work(index):
        for turn in range(4):
            of = (index + turn // 2) % 2
            assert torch.equal(compiled(x[of]), wanted[of])
    run_in_threads(4, work, timeout=300)
    assert len(exports) == 1 and sorted(shapes) == [[2, 3, 15, 13], [3, 3, 15, 13]]
    monkeypatch.setattr(compiled, "_most_plans", 1)
    step(module, 1)
    run_in_threads(4, work, timeout=300)
    assert len(exports) == 2 and len(shapes) > 3 and len(compiled._plans._plans) == 1


def test_threads_compile_at_once():
    modules, x = [seeded(Plain(), seed) for seed in (3, 4, 5)], images(2)

    def work(index):
        assert_close(foldconv.compile(modules[index], x)(x), in_fp64(modules[index], x), 4)
    run_in_threads(3, work, timeout=300)


def test_training_mode(plain):
    (module, compiled), x = plain, images(2)
    module.norm.train()
    with pytest.raises(foldconv.InvalidArgument, match=r"norm \(BatchNorm2d\) is in training mode; call module.eval\(\)"):
        foldconv.compile(module, x)
    with pytest.raises(foldconv.InvalidArgument, match="training mode"):
        compiled(x)
    module.eval()
    assert_close(compiled(x), in_fp64(module, x), 4)


def test_what_is_not_taken():
    with pytest.raises(foldconv.Unsupported, match="Split does what foldconv does not take: .*Sin") as caught:
        foldconv.compile(seeded(Split()), images(1))
    assert [problem.op for problem in caught.value.problems] == ["Sin"]


class Fickle(nn.Module):
    def forward(self, x):
        return x + 1 if x.sum() > 0 else x - 1


def test_what_cannot_be_exported():
    with pytest.raises(foldconv.Unsupported, match="torch cannot export Fickle to ONNX: .*; export a part"):
        foldconv.compile(Fickle().eval(), images(1))


def test_bad_calls(plain):
    module, x = plain.module, images(2)
    compiled = foldconv.compile(module, x, dynamic_batch=False)
    for tensors, message in [
        ((), "another number of tensors than the example had: 0; give 1"),
        ((x.numpy(),), "input 0 is no tensor: ndarray"),
        ((x.double(),), "a type that foldconv does not take: torch.float64"),
        ((x.half(),), "another type than the example: torch.float16; give torch.float32"),
        ((x[:1],), r"another shape than the example: \(1, 3, 15, 13\); give \(2, 3, 15, 13\)"),
        ((x[0],), "another shape"),
        ((x.to("meta"),), "on a device that foldconv does not know: meta"),
        ((x.clone().requires_grad_(),), "requires gradients"),
    ]:
        with pytest.raises(foldconv.InvalidArgument, match=message):
            compiled(*tensors)
    with pytest.raises(foldconv.InvalidArgument, match="no module: function"):
        foldconv.compile(lambda x: x, x)
    with pytest.raises(foldconv.InvalidArgument, match="no example"):
        foldconv.compile(module)
    with pytest.raises(foldconv.InvalidArgument, match="input 0 is no tensor: list"):
        foldconv.compile(module, [1])
    with pytest.raises(foldconv.InvalidArgument, match=r"give \(any, 3, 15, 13\), or compile"):
        plain.compiled(images(1, 16, 16))
    with pytest.raises(foldconv.InvalidArgument, match="another shape"):
        plain.compiled(x[:0])


def test_weights_of_inference_mode():
    with torch.inference_mode():
        module = seeded(Plain())
    with pytest.raises(foldconv.InvalidArgument, match="inference_mode"):
        foldconv.compile(module, images(1))


def test_importing_foldconv_leaves_torch_alone():
    subprocess.run([sys.executable, "-c", "import foldconv, sys; sys.exit('torch' in sys.modules)"], check=True)
