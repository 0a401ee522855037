# SPDX-License-Identifier: MIT
"""fold(), Conv and Bottleneck beside NumPy in fp64."""

import numpy as np
import pytest

import foldconv
import models


def nhwc(x):
    return np.ascontiguousarray(np.transpose(x, (0, 2, 3, 1)))


def nchw(x):
    return np.transpose(x, (0, 3, 1, 2))


def close(found, expected, tolerance):
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= tolerance * np.abs(expected).max()


def arrays(rng, k, c, r=1):
    """Weights, and a BatchNorm both for foldconv and as arrays."""
    w = (rng.standard_normal((k, c, r, r)) / np.sqrt(c * r * r)).astype(np.float32)
    mean, variance, gamma, beta = models.bn_arrays(rng, k)
    return w, foldconv.BatchNorm(mean, variance, gamma, beta, eps=1e-5), (mean, variance, gamma, beta, 1e-5)


def test_folding():
    rng = np.random.default_rng(40)
    w, bn, (mean, variance, gamma, beta, eps) = arrays(rng, 6, 5, 3)
    bias = rng.standard_normal(6).astype(np.float32)
    folded = foldconv.fold(w, bn, bias, dtype="f32", placement="weights")
    scale = gamma.astype(np.float64) / np.sqrt(variance.astype(np.float64) + eps)
    close(folded.weights, w * scale[:, None, None, None], 1e-7)
    close(folded.bias, (bias - mean) * scale + beta, 1e-7)
    assert folded.dtype == "f32" and np.array_equal(folded.scale, np.ones(6, np.float32)) and folded.report == ""
    halves = foldconv.fold(w, bn, placement="epilogue")
    assert np.array_equal(halves.weights, w.astype(np.float16).astype(np.float32))
    close(halves.scale, scale, 1e-7)


@pytest.mark.parametrize("dtype, numpy, tolerance", [("f16", np.float16, 2e-3), ("bf16", np.float32, 2e-2), ("f32", np.float32, 1e-6)])
def test_convolutions(dtype, numpy, tolerance):
    rng = np.random.default_rng(41)
    w, bn, norm = arrays(rng, 6, 3, 3)
    conv = foldconv.Conv(w, bn, dtype=dtype)
    plan = conv.plan(2, 7, 9, stride=(2, 1), padding=(1, 1, 2, 2), groups=2, activation="leaky_relu(0.25)", residual=True)
    assert [port.name for port in plan.inputs] == ["x", "residual"] and plan.inputs[0].dtype == dtype
    x = rng.standard_normal((2, 7, 9, 6)).astype(numpy)
    z = rng.standard_normal(plan.outputs[0].shape).astype(numpy)
    padded = np.pad(nchw(x).astype(np.float64), ((0, 0), (0, 0), (1, 1), (2, 2)))
    y = models.batch_norm(models.conv(padded, w, groups=2)[:, :, ::2], *norm) + nchw(z)
    close(plan(x, z), nhwc(np.where(y > 0, y, y / 4)), tolerance)
    close(foldconv.Conv(foldconv.fold(w, bn, dtype=dtype)).plan(1, 3, 3, groups=2)(x[:1, :3, :3]),
          nhwc(models.batch_norm(models.conv(nchw(x[:1, :3, :3]), w, groups=2), *norm)), tolerance)
    step, = plan.explain().steps
    assert step.launches[0].kernel in str(plan.explain())
    pinned = conv.plan(2, 7, 9, groups=2, kernel=f"direct_{dtype}_sm80", instructions="sm80")
    assert pinned.explain().steps[0].launches[0].kernel == f"direct_{dtype}_sm80"


@pytest.mark.parametrize("cut", ["automatic", "whole", "tails", "chain"])
def test_bottlenecks(cut):
    rng = np.random.default_rng(42)
    layers = [arrays(rng, k, c, r) for k, c, r in ((64, 64, 1), (64, 64, 3), (128, 64, 1), (128, 64, 1))]
    block = foldconv.Bottleneck(*((w, bn) for w, bn, _ in layers[:3]), downsample=layers[3][:2])
    plan = block.plan(2, 5, 6, cut=cut)
    x = rng.standard_normal((2, 5, 6, 64)).astype(np.float16)
    y = nchw(x).astype(np.float64)
    shortcut = models.batch_norm(models.conv(y, layers[3][0]), *layers[3][2])
    for index, (w, _, norm) in enumerate(layers[:3]):
        y = models.batch_norm(models.conv(y, w, pad=index == 1), *norm)
        y = np.maximum(y + shortcut if index == 2 else y, 0)
    found = plan(x)
    close(found, nhwc(y), 4e-3)
    assert np.array_equal(found, block.plan(2, 5, 6, cut="chain", instructions="sm80")(x))  # a cut changes no bit
    assert np.array_equal(found[:1], plan(x[:1]))
    assert plan.explain().launches == sum(launch.kernel in str(plan.explain()) for launch in plan.explain().steps[0].launches)


def test_what_kernels_do_not_take():
    w = np.ones((4, 4, 3, 3), np.float32)
    bn = foldconv.BatchNorm(np.zeros(4, np.float32), np.ones(4, np.float32), eps=0)
    conv = foldconv.Conv(w)
    negative = foldconv.BatchNorm(np.zeros(4, np.float32), -np.ones(4, np.float32), eps=0)
    for make, kind, message in [
        (lambda: foldconv.fold(w[0]), foldconv.InvalidArgument, "the array of weights has another rank: 4x3x3; give k, c / groups, r, s"),
        (lambda: foldconv.fold(w.astype(np.float16)), foldconv.InvalidArgument, "another dtype: f16; give float32"),
        (lambda: foldconv.fold("w"), foldconv.InvalidArgument, "no array: str"),
        (lambda: foldconv.fold(foldconv.array(w)), foldconv.InvalidArgument, "is on a device"),
        (lambda: foldconv.fold(w * np.nan), foldconv.InvalidArgument, "not finite"),
        (lambda: foldconv.fold(w, negative), foldconv.InvalidArgument, "variance"),
        (lambda: foldconv.fold(w, bn, np.ones(3, np.float32)), foldconv.InvalidArgument, "bias"),
        (lambda: foldconv.fold(w, dtype="i8"), foldconv.InvalidArgument, "i8"),
        (lambda: foldconv.fold(w, placement="middle"), foldconv.InvalidArgument, 'no such placement of the scale: "middle"'),
        (lambda: foldconv.Conv(foldconv.fold(w), bn), foldconv.InvalidArgument, "has its BatchNorm and its bias: batch_norm"),
        (lambda: foldconv.Conv(foldconv.fold(w), bias=np.ones(4, np.float32)), foldconv.InvalidArgument, "its bias: bias"),
        (lambda: conv.plan(1, 2, 2), foldconv.InvalidArgument, "n1 2x2x4|h = 2|2x2"),
        (lambda: conv.plan(1, 5, 5, padding=(1, 1, 1)), foldconv.InvalidArgument, "padding has another number of values: 3"),
        (lambda: conv.plan(1, 5, 5, stride="2"), foldconv.InvalidArgument, "stride is no number and no list of them: '2'"),
        (lambda: conv.plan(1, 5, 5, activation="mish"), foldconv.InvalidArgument, "mish"),
        (lambda: conv.plan(1, 5, 5, instructions="sm70"), foldconv.InvalidArgument,
         'no such family of instructions: "sm70"; give automatic, sm80, sm90'),
        (lambda: conv.plan(1, 5, 5, kernel="conv_f16"), foldconv.Error, "conv_f16"),
        (lambda: conv.plan(1, 5, 5, residual=True)(np.ones((1, 5, 5, 4), np.float16)), foldconv.InvalidArgument,
         'inputs: 1; give 2: "x", "residual"'),
        (lambda: foldconv.Bottleneck(w, w, w), foldconv.InvalidArgument, "conv1"),
        (lambda: foldconv.Bottleneck((w, 3), w, w), foldconv.InvalidArgument, "conv1 is no layer"),
        (lambda: foldconv.Bottleneck(w, (w, bn, w), w), foldconv.InvalidArgument, "conv2: the array bias has another rank"),
        (lambda: foldconv.Bottleneck(w, w, w, stride_at="conv3"), foldconv.InvalidArgument, "no such place of a stride"),
    ]:
        with pytest.raises(kind, match=message):
            make()
    with pytest.raises(TypeError, match="eps|incompatible"):
        foldconv.BatchNorm(np.zeros(4), np.ones(4))
