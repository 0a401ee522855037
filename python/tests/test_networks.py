# SPDX-License-Identifier: MIT
"""Networks from ONNX models: what they compute beside NumPy in fp64, and what they say."""

import numpy as np
import pytest
from onnx import helper

import foldconv
import models

ROUNDING = {"f32": 2e-6, "f16": 4e-3, "bf16": 3e-2}


def close(found, expected, dtype):
    scale = np.abs(expected).max()
    assert np.abs(found - expected).max() <= ROUNDING[dtype] * scale


@pytest.mark.parametrize("dtype", ["f32", "f16", "bf16"])
@pytest.mark.parametrize("h, w", [(9, 13), (8, 6)])
def test_computes_what_numpy_does(residual_model, dtype, h, w):
    x = np.random.default_rng(h).standard_normal((3, 3, h, w)).astype(np.float32)
    plan = foldconv.load(residual_model.proto, dtype=dtype).plan(n=3, h=h, w=w)
    found, expected = plan(x), residual_model.compute(x)
    assert isinstance(found, tuple) and [y.shape for y in found] == [(3, 5), (3, 8)]
    for y, e in zip(found, expected):
        assert y.dtype == np.float32
        close(y, e, dtype)


@pytest.mark.parametrize("options", [{"fuse": False}, {"blocks": False}])
def test_unfused_networks_compute_the_same(residual_model, options):
    x = np.random.default_rng(5).standard_normal((2, 3, 7, 7)).astype(np.float32)
    plan = foldconv.load(residual_model.proto, **options).plan(n=2, h=7, w=7)
    close(plan(x)[0], residual_model.compute(x)[0], "f16")


def test_every_source_gives_the_same_bits(residual_model, tmp_path):
    path = tmp_path / "net work.onnx"
    data = residual_model.proto.SerializeToString()
    path.write_bytes(data)
    x = np.random.default_rng(6).standard_normal((1, 3, 6, 6)).astype(np.float32)
    answers = [foldconv.load(source).plan(h=6, w=6)(x)[0]
               for source in (residual_model.proto, data, bytearray(data), memoryview(data), path, str(path))]
    assert all(np.array_equal(answer, answers[0]) for answer in answers)


def test_pixels_become_the_input(residual_net, residual_model):
    pixels = np.random.default_rng(7).integers(0, 256, (2, 6, 9, 3), np.uint8)
    plan = residual_net.plan(n=2, h=6, w=9, input="u8 nhwc", mean=(100, 110, 120), scale=1 / 64, swap_red_blue=True)
    assert plan.inputs == [foldconv.Port("image", (2, 6, 9, 3), "u8")]
    x = (pixels[..., ::-1].transpose(0, 3, 1, 2) - np.array([100, 110, 120.])[:, None, None]) / 64
    close(plan(pixels)[0], residual_model.compute(x)[0], "f16")


@pytest.mark.parametrize("count", [1, 2, 3])
def test_fewer_images_have_the_same_bits(residual_net, count):
    x = np.random.default_rng(8).standard_normal((4, 3, 5, 5)).astype(np.float32)
    plan = residual_net.plan(n=4, h=5, w=5)
    whole, part = plan(x)[0], plan(x[:count])[0]
    assert part.shape == (count, 5)
    assert np.array_equal(part, whole[:count])


@pytest.mark.parametrize("count", [0, 5])
def test_images_outside_the_plan_are_refused(residual_net, count):
    plan = residual_net.plan(n=4, h=5, w=5)
    with pytest.raises(foldconv.InvalidArgument, match=f'input "image" has another shape: {count}x3x5x5, .*fewer images'):
        plan(np.zeros((count, 3, 5, 5), np.float32))


def test_a_model_that_fixes_its_batch_runs_all_or_none():
    w = np.ones((2, 1, 1, 1))
    proto = models.model_of([helper.make_node("Conv", ["x", "w"], ["y"])], {"x": [3, 1, 4, 4]}, {"y": [3, 2, 4, 4]}, {"w": w})
    plan = foldconv.load(proto).plan()
    x = np.arange(48, dtype=np.float32).reshape(3, 1, 4, 4)
    assert np.array_equal(plan(x), np.repeat(x, 2, 1))
    with pytest.raises(foldconv.InvalidArgument, match="3x1x4x4; give that shape"):
        plan(x[:2])


def test_several_inputs():
    plan = foldconv.load(models.sum_model()).plan(n=3)
    a, b = np.float32([[1, -2], [3, 4], [0, 0]]), np.float32([[1, 1], [1, 1], [-1, 8]])
    assert np.array_equal(plan(a, b), np.maximum(a + b, 0))
    with pytest.raises(foldconv.InvalidArgument, match='input "b" has another number of images.*: 2, not 3'):
        plan(a, b[:2])
    with pytest.raises(foldconv.InvalidArgument, match='another number of arrays.*: 1; give 2: "a", "b"'):
        plan(a)
    with pytest.raises(foldconv.InvalidArgument, match='input "b" is on the device'):
        plan(a, foldconv.array(b))


def test_storage_outputs(residual_model):
    x = np.random.default_rng(9).standard_normal((1, 3, 6, 6)).astype(np.float32)
    for dtype, numpy in (("f16", np.float16), ("bf16", np.float32)):
        net = foldconv.load(residual_model.proto, dtype=dtype)
        stored = net.plan(h=6, w=6, output="storage")
        assert stored.outputs[0].dtype == dtype
        logits = stored(x)[0]
        assert logits.dtype == numpy
        assert np.array_equal(logits.astype(np.float32), net.plan(h=6, w=6)(x)[0])


def test_kept_tensors(residual_net, residual_model):
    x = np.random.default_rng(10).standard_normal((2, 3, 6, 8)).astype(np.float32)
    plan = residual_net.plan(n=2, h=6, w=8, keep=["first"])
    with pytest.raises(foldconv.InvalidArgument, match="was not called"):
        plan.tensor("first")
    plan(x)
    kept = plan.tensor("first")
    assert kept.shape == (2, 8, 3, 4)
    with pytest.raises(foldconv.InvalidArgument, match="second"):
        plan.tensor("second")
    again = foldconv.load(residual_model.proto, outputs=["first"]).plan(n=2, h=6, w=8)(x)
    assert np.array_equal(kept, again.astype(np.float16))


def test_explanations(residual_net):
    plan = residual_net.plan(h=6, w=8)
    text, table = str(plan.explain()), plan.explain()._repr_html_()
    assert plan.explain().launches == table.count("<tr>") - 1 == sum(len(step.launches) for step in plan.explain().steps)
    for step in plan.explain().steps:
        for launch in step.launches:
            assert launch.kernel in text and launch.kernel in table
    assert "batchnorm" in str(residual_net.explain()).lower()
    assert residual_net.explain()._repr_html_().startswith("<table>")


def test_tables_escape_what_a_model_says():
    table = foldconv.load(models.sum_model()).plan(keep_all=True).explain()._repr_html_()
    assert "<b>" not in table and "&lt;b&gt;&amp;y" in table


def test_models_that_are_not_taken(tmp_path):
    proto = models.model_of([helper.make_node("Einsum", ["x"], ["y"], equation="ij->ji")], {"x": [2, 3]}, {"y": [3, 2]}, {})
    problems = foldconv.inspect(proto)
    assert [(p.op, p.code) for p in problems] == [("Einsum", "unsupported")] and "Einsum" in str(problems[0])
    with pytest.raises(foldconv.Unsupported, match="Einsum") as raised:
        foldconv.load(proto)
    assert isinstance(raised.value, NotImplementedError) and raised.value.code == "unsupported"
    assert raised.value.message == str(raised.value)
    with pytest.raises(foldconv.InvalidArgument):
        foldconv.load(b"no model")
    path = tmp_path / "weights.safetensors"
    path.write_bytes(b"\xff" * 64)
    with pytest.raises(foldconv.InvalidArgument, match="weights.safetensors"):
        foldconv.load(path)
    with pytest.raises(foldconv.InvalidArgument, match="no such file"):
        foldconv.load(tmp_path / "missing.onnx")
    with pytest.raises(foldconv.InvalidArgument, match="neither .onnx nor .safetensors"):
        foldconv.load(__file__)
    for name, content in [("w.pth", b"\x80\x02}q\x01(X"), ("w.safetensors", b"\x80\x02}q\x01(X")]:
        (tmp_path / name).write_bytes(content)
        with pytest.raises(foldconv.InvalidArgument, match=f"{name}: it is a PyTorch checkpoint.*safetensors.torch"):
            foldconv.load(tmp_path / name)
    with pytest.raises(foldconv.InvalidArgument, match="it is a PyTorch checkpoint"):
        foldconv.load(b"\x80\x02}q\x01(X")
    with pytest.raises(foldconv.InvalidArgument, match="it is a folder; give a file"):
        foldconv.load(tmp_path)
    with pytest.raises(foldconv.InvalidArgument, match="no network: int"):
        foldconv.load(3)


def test_constants_of_weights_that_are_inputs():
    node = helper.make_node("Conv", ["x", "w"], ["y"])
    proto = models.model_of([node], {"x": [1, 2, 3, 3], "w": [1, 2, 1, 1]}, {"y": [1, 1, 3, 3]}, {})
    w = np.float32([[[[2]], [[-1]]]])
    x = np.arange(18, dtype=np.float32).reshape(1, 2, 3, 3)
    assert np.array_equal(foldconv.load(proto, constants={"w": w}).plan()(x), models.conv(x, w))
    with pytest.raises(foldconv.InvalidArgument, match='constant "w" has another dtype'):
        foldconv.load(proto, constants={"w": w.astype(np.float64)})


@pytest.mark.parametrize("options, message", [
    ({"input": "u9"}, 'no such type of an input: "u9"; give f32, f16, u8'),
    ({"input": "u8 chwn"}, 'no such layout of an input: "chwn"; give nchw, nhwc'),
    ({"output": "f64"}, 'no such type of an output: "f64"'),
    ({"mean": "x"}, "mean is no number and no list of them"),
    ({"scale": [1] * 5}, "scale has another number of values: 5"),
    ({"mean": (1, 2)}, 'mean has another number of values than input "image" has channels: 2, not 3'),
    ({"scale": [1, 1, 1, 1]}, "scale has another number of values .*: 4, not 3; give a number, or one for each channel"),
    ({"scale": np.ones(2), "input": "u8 nhwc"}, "scale has another number of values .*: 2, not 3"),
    ({"cut": "halves"}, 'no such cut: "halves"; give automatic, whole, tails, chain'),
    ({"instructions": "mma"}, 'no such family of instructions: "mma"; give automatic, sm80, sm90'),
    ({"keep": ["nothing"]}, "nothing"),
    ({"h": 0}, "leaves an extent open"),
    ({"n": -1}, "below 0"),
])
def test_plan_options_that_are_none(residual_net, options, message):
    with pytest.raises(foldconv.InvalidArgument, match=message):
        residual_net.plan(**{"h": 6, "w": 6, **options})


def test_load_options_that_are_none(residual_model):
    with pytest.raises(foldconv.InvalidArgument, match="f8"):
        foldconv.load(residual_model.proto, dtype="f8")
    with pytest.raises(foldconv.InvalidArgument, match=r"inputs is a str and no sequence of names: 'image'; give \['image'\]"):
        foldconv.load(residual_model.proto, inputs="image")
    with pytest.raises(foldconv.InvalidArgument, match="outputs is a str"):
        foldconv.inspect(residual_model.proto, outputs="logits")
    with pytest.raises(foldconv.InvalidArgument, match="a constant without a name: 1; give names as str"):
        foldconv.load(residual_model.proto, constants={1: np.ones(1, np.float32)})
    for device in (2, -1, "gpu", True):
        with pytest.raises(foldconv.InvalidArgument, match="no such device: .*0 to 1"):
            foldconv.load(residual_model.proto, device=device)
