# SPDX-License-Identifier: MIT
"""Arrays of a device, in and out by DLPack, and all that may be wrong with one."""

import gc
import weakref

import numpy as np
import pytest

import foldconv
from device_tensor import DataType, Device, DeviceTensor, OldDeviceTensor, Stream, live


@pytest.fixture
def expected(conv_plan, conv_input):
    return conv_plan(conv_input)


@pytest.mark.parametrize("kind", [DeviceTensor, OldDeviceTensor])
@pytest.mark.parametrize("versioned", [True, False])
def test_tensors_are_read_where_they_are(conv_plan, conv_input, expected, kind, versioned):
    x = kind(conv_input, versioned=versioned)
    y = conv_plan(x)
    assert isinstance(y, foldconv.Array) and y.shape == (4, 5, 7, 8) and y.dtype == "f16" and y.device == 0
    assert np.array_equal(y.numpy(), expected)
    assert x.streams == [1] and x.exports == 1  # DLPack's number of the legacy default stream
    assert x.released == 0  # its launches may be under way
    conv_plan(conv_input)  # lets go what is done
    assert x.released == 1


def test_the_stream_is_handed_on(conv_plan, conv_input, expected):
    x, stream = DeviceTensor(conv_input), Stream()
    y = conv_plan(x, stream=stream)
    assert x.streams == [stream.cuda_stream]
    assert np.array_equal(y.numpy(), expected)
    conv_plan(x, stream=2)
    assert x.streams[1:] == [2]  # the thread's default stream


def test_read_only_tensors_are_read(conv_plan, conv_input, expected):
    x = DeviceTensor(conv_input, read_only=True)
    assert np.array_equal(conv_plan(x).numpy(), expected)
    with pytest.raises(foldconv.InvalidArgument, match='output "y" cannot be written to: .*read-only'):
        conv_plan(foldconv.array(conv_input), out=x)


def test_byte_offsets_count(conv_plan, conv_input, expected):
    assert np.array_equal(conv_plan(DeviceTensor(conv_input, byte_offset=64)).numpy(), expected)


def test_channels_last_strides(conv_plan, conv_input, expected):
    """As PyTorch has them: extents n, c, h, w."""
    x = DeviceTensor(conv_input, shape=(4, 8, 5, 7), strides=(280, 1, 56, 8))
    assert np.array_equal(conv_plan(x).numpy(), expected)


def test_strides_of_one_element_do_not_count(conv_plan, conv_input, expected):
    x = DeviceTensor(conv_input[:1], strides=(9, 56, 8, 1))
    assert np.array_equal(conv_plan(x).numpy(), expected[:1])


def test_outputs_that_are_given(conv_plan, conv_input, expected):
    x, y = DeviceTensor(conv_input), DeviceTensor(np.zeros_like(conv_input))
    assert conv_plan(x, out=y) is y
    assert np.array_equal(y.numpy(), expected)
    array = foldconv.array(np.zeros_like(conv_input))
    assert conv_plan(x, out=array) is array
    assert np.array_equal(array.numpy(), expected)
    host = np.zeros_like(conv_input)
    assert conv_plan(conv_input, out=host) is host
    assert np.array_equal(host, expected)


def test_outputs_that_cannot_be_given(conv_plan, conv_input):
    x = foldconv.array(conv_input)
    frozen = np.zeros_like(conv_input)
    frozen.flags.writeable = False
    for arrays, out, message in [
        (x, foldconv.array(conv_input[:3]), 'output "y" has another shape: 3x5x7x8, the plan\'s is 4x5x7x8'),
        (x, np.zeros_like(conv_input), 'output "y" is on the host: the inputs are not'),
        (conv_input, x, 'output "y" is on the device: the inputs are not'),
        (conv_input, frozen, 'output "y" cannot be written to'),
        (conv_input, np.zeros_like(conv_input)[..., ::-1], 'output "y" cannot be written to'),
        (conv_input, np.zeros(conv_input.shape, np.float32), 'output "y" has another dtype: f32'),
        (x, (x, x), "out is not an array for each output"),
    ]:
        with pytest.raises(foldconv.InvalidArgument, match=message):
            conv_plan(arrays, out=out)
    with pytest.raises(foldconv.Aliasing) as raised:
        conv_plan(x, out=x)
    assert isinstance(raised.value, ValueError)


def test_outputs_that_overlap(residual_net):
    plan = residual_net.plan(n=2, h=5, w=5)
    x, memory = np.ones((2, 3, 5, 5), np.float32), np.zeros(26, np.float32)
    for at in (0, 9):  # 10 logits, 16 means
        with pytest.raises(foldconv.Aliasing, match='output "mean" overlaps another: "logits"'):
            plan(x, out=(memory[:10].reshape(2, 5), np.frombuffer(memory, np.float32)[at:at + 16].reshape(2, 8)))
    logits, mean = plan(x, out=(memory[:10].reshape(2, 5), memory[10:].reshape(2, 8)))
    expected = plan(x)
    assert np.array_equal(logits, expected[0]) and np.array_equal(mean, expected[1])


def test_plans_and_arrays_are_referenced_weakly(residual_net, conv_input):
    plan, array = residual_net.plan(h=5, w=5), foldconv.array(conv_input)
    references = [weakref.ref(plan), weakref.ref(array)]
    assert weakref.ref(residual_net)() is residual_net
    assert [reference() for reference in references] == [plan, array]
    del plan, array
    gc.collect()
    assert [reference() for reference in references] == [None, None]


def test_what_is_wrong_with_a_tensor(conv_plan, conv_input):
    for x, kind, message in [
        (DeviceTensor(conv_input, device=1), foldconv.InvalidArgument,
         'input "x" is on another device: device 1, the plan\'s is 0; copy it to device 0'),
        (foldconv.array(conv_input, device=1), foldconv.InvalidArgument, 'input "x" is on another device'),
        (DeviceTensor(conv_input, offset=2), foldconv.Misaligned, 'input "x" is misaligned: 2 bytes past'),
        (DeviceTensor(conv_input, byte_offset=8), foldconv.Misaligned, 'input "x" is misaligned: 8 bytes past'),
        (DeviceTensor(conv_input.astype(np.float32)), foldconv.InvalidArgument, 'another dtype: f32, the plan\'s is f16'),
        (DeviceTensor(conv_input.view(np.int16)), foldconv.InvalidArgument, "another dtype: i16"),
        (DeviceTensor(conv_input, strides=(280, 56, 1, 7)), foldconv.InvalidArgument,
         'input "x" is not dense and row-major: strides 280, 56, 1, 7; give x.contiguous'),
        (DeviceTensor(conv_input, shape=(4, 8, 5, 7), strides=(280, 35, 7, 1)), foldconv.InvalidArgument,
         "another shape: 4x8x5x7"),
        (DeviceTensor(conv_input[:, :4]), foldconv.InvalidArgument, "another shape: 4x4x7x8"),
        (DeviceTensor(conv_input.reshape(4, -1)), foldconv.InvalidArgument, "another shape: 4x280"),
        (DeviceTensor(np.concatenate([conv_input] * 2)), foldconv.InvalidArgument, "another shape: 8x5x7x8"),
    ]:
        with pytest.raises(kind, match=message):
            conv_plan(x)
        assert not isinstance(x, DeviceTensor) or x.released == x.exports  # refused tensors are let go at once


def test_what_is_no_tensor(conv_plan):
    class NoCapsule:
        def __dlpack_device__(self):
            return 2, 0

        def __dlpack__(self, *, stream=None, max_version=None):
            return "tensor"

    class NoDevice(NoCapsule):
        def __dlpack_device__(self):
            return "cuda"

    class OtherDevice(NoCapsule):
        def __dlpack_device__(self):
            return 10, 0  # kDLROCM

    class Broken(NoCapsule):
        def __dlpack__(self, *, stream=None, max_version=None):
            raise BufferError("requires grad")

    class Half:
        def __dlpack__(self, *, stream=None):
            return None
    for x, message in [
        ([1.0], 'input "x" is no array: list; give a NumPy array'),
        (None, "no array: NoneType"),
        (Half(), "no array: Half"),
        (NoCapsule(), "__dlpack__ returned no tensor: 'tensor'"),
        (NoDevice(), "__dlpack_device__ returned no device: 'cuda'"),
        (OtherDevice(), "on a device of another kind: DLPack device type 10"),
    ]:
        with pytest.raises(foldconv.InvalidArgument, match=message):
            conv_plan(x)
    with pytest.raises(BufferError, match="requires grad"):
        conv_plan(Broken())


@pytest.mark.parametrize("wrong, message", [
    ({"ndim": -1}, "broken DLPack tensor: ndim = -1; correct its __dlpack__"),
    ({"ndim": 2 ** 31 - 1}, "broken DLPack tensor: ndim = 2147483647"),
    ({"shape": None}, "broken DLPack tensor: shape is null"),
    ({"data": None}, "broken DLPack tensor: data is null"),
    ({"device": Device(1, 0)}, "broken DLPack tensor: device type 1, not __dlpack_device__'s"),
    ({"device": Device(2, 1)}, "is on another device: device 1, the plan's is 0"),
    ({"dtype": DataType(2, 16, 4)}, "another dtype: f16 x 4, the plan's is f16"),
])
def test_broken_tensors(conv_plan, conv_input, expected, wrong, message):
    x = DeviceTensor(conv_input, wrong=wrong)
    with pytest.raises(foldconv.InvalidArgument, match='input "x" .*' + message):
        conv_plan(x)
    assert x.released == x.exports == 1
    assert np.array_equal(conv_plan(DeviceTensor(conv_input)).numpy(), expected)  # nothing was spoiled


def test_a_capsule_is_taken_once(conv_plan, conv_input):
    x = DeviceTensor(conv_input)
    capsule = x.__dlpack__(stream=1, max_version=(1, 0))
    x.__dlpack__ = None

    class Again:
        def __dlpack_device__(self):
            return 2, 0

        def __dlpack__(self, *, stream=None, max_version=None):
            return capsule
    conv_plan(Again())
    with pytest.raises(foldconv.InvalidArgument, match="used_dltensor_versioned"):
        conv_plan(Again())


def test_host_arrays(conv_plan, conv_input, expected):
    turned = np.ascontiguousarray(conv_input.transpose(3, 2, 1, 0)).transpose(3, 2, 1, 0)
    frozen = conv_input.copy()
    frozen.flags.writeable = False
    for x in (conv_input, turned, frozen, memoryview(conv_input), np.concatenate([conv_input] * 2)[::2][[0, 2, 0, 2]]):
        assert np.array_equal(conv_plan(x), conv_plan(np.array(x)))
    assert np.array_equal(conv_plan(turned), expected)
    for x, message in [(conv_input.astype(np.float64), "another dtype: .*numpy.float16"),
                       (conv_input.astype(">f2"), "another dtype"),
                       (conv_input.astype(object), "cannot be read|another dtype"),
                       (conv_input[0], "another shape: 5x7x8"),
                       (np.float16(1), "another shape: scalar"),
                       (b"bytes", "another dtype: u8")]:
        with pytest.raises(foldconv.InvalidArgument, match=message):
            conv_plan(x)


def test_host_tensors_of_other_libraries(conv_plan, conv_input, expected):
    """One that has DLPack and no buffer, as PyTorch's on the CPU."""
    class Tensor:
        def __init__(self, array):
            self.array = array

        def __dlpack_device__(self):
            return 1, 0

        def __dlpack__(self, **options):
            return self.array.__dlpack__(**options)
    for x in (conv_input, conv_input.transpose(0, 3, 1, 2)):  # the second: channels_last
        y = conv_plan(Tensor(x))
        assert isinstance(y, np.ndarray) and np.array_equal(y, expected)


def test_arrays_go_everywhere(conv_input):
    array = foldconv.array(conv_input)
    assert repr(array) == "foldconv.Array(4x5x7x8 f16, device 0)" and len(array) == 4
    assert array.__dlpack_device__() == (2, 0)
    assert np.array_equal(np.asarray(array), conv_input)
    assert np.array_equal(np.asarray(array, np.float32), conv_input.astype(np.float32))
    assert np.array_equal(np.from_dlpack(array, device="cpu", copy=True), conv_input)
    with pytest.raises(ValueError, match="without a copy"):
        np.array(array, copy=False)
    with pytest.raises(BufferError):
        array.__dlpack__(dl_device=(1, 0), copy=False)
    with pytest.raises(BufferError):
        array.__dlpack__(dl_device=(2, 1))
    for options, name in [({}, '"dltensor"'), ({"max_version": (0, 8)}, '"dltensor"'),
                          ({"max_version": (1, 1)}, '"dltensor_versioned"'), ({"copy": True}, '"dltensor"')]:
        assert name in repr(array.__dlpack__(stream=1, **options))


def test_an_array_lives_as_long_as_its_tensors(conv_plan, conv_input, expected):
    """Through a consumer that shares no code with foldconv's own import."""
    class Borrowed:
        def __init__(self, array):
            self.capsule, self.device = array.__dlpack__(stream=1, max_version=(1, 0)), array.__dlpack_device__()

        def __dlpack_device__(self):
            return self.device

        def __dlpack__(self, *, stream=None, max_version=None):
            return self.capsule
    gc.collect()
    before = live()
    borrowed = Borrowed(foldconv.array(conv_input))
    gc.collect()
    assert live()[0] == before[0] + 1
    assert np.array_equal(conv_plan(borrowed).numpy(), expected)
    del borrowed
    conv_plan(conv_input)
    assert live() == before
    unused = Borrowed(foldconv.array(conv_input))
    del unused  # a capsule that nobody took
    assert live() == before


def test_arrays_of_bf16():
    values = np.float32([1, 1 + 2**-8, 1 + 3 * 2**-9, -3.141592, 1e-40, np.inf])
    array = foldconv.array(values, dtype="bf16")
    bits = values.view(np.uint32)
    even = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16 << 16
    assert array.dtype == "bf16" and np.array_equal(array.numpy(), even.view(np.float32))


def test_what_becomes_no_array(conv_input):
    for host, options, message in [
        (conv_input.astype(np.int32), {}, 'of another dtype: format "i"'),
        (conv_input, {"dtype": "f32"}, "cannot become this dtype: f32, it has f16"),
        (conv_input, {"device": 2}, "no such device: 2; give None, or an int from 0 to 1"),
        (3, {}, "no array|cannot be read"),
    ]:
        with pytest.raises(foldconv.Error, match=message):
            foldconv.array(host, **options)
