# SPDX-License-Identifier: MIT
"""Tensors on a CUDA device, read where they are. On the emulator torch has memory, copies and streams, but no kernels of
its own: what these tests call needs none."""

import pytest

pytest.importorskip("torch.nn", reason="no torch here; python/run.sh --torch installs it")
import foldconv
import torch
from torch_modules import Plain, assert_close, images, in_fp64, seeded

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA device, emulated or not")


def on_device(tensor):
    """A copy, whatever its strides."""
    result = torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device="cuda")
    result.copy_(tensor)
    return result


def test_answers_of_the_device_are_those_of_the_host():
    module, x = seeded(Plain()), images(3)
    compiled = foldconv.compile(module, x)
    wanted = compiled(x)
    assert_close(wanted, in_fp64(module, x), 4)
    answer = compiled(on_device(x))
    assert answer.device.type == "cuda"
    assert torch.equal(answer.cpu(), wanted)
    assert torch.equal(compiled(on_device(x[1:2])).cpu(), wanted[1:2])
    # channels_last, as it lies
    y = on_device(x.contiguous(memory_format=torch.channels_last))
    assert not y.is_contiguous()
    assert torch.equal(compiled(y).cpu(), wanted)


def test_modules_on_the_device_and_streams():
    module, x = seeded(Plain()), images(2)
    wanted = foldconv.compile(module, x)(x)
    compiled = foldconv.compile(module.cuda(), on_device(x))
    assert compiled._plans.network.device == torch.cuda.current_device()
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        answer = compiled(on_device(x))
    stream.synchronize()
    assert torch.equal(answer.cpu(), wanted)


def test_backend_on_the_device():
    torch._dynamo.reset()
    module, x = seeded(Plain()), images(2)
    wanted = foldconv.compile(module, x)(x)
    with torch.no_grad():
        answer = torch.compile(module.cuda(), backend="foldconv")(on_device(x))
    assert torch.equal(answer.cpu(), wanted)
