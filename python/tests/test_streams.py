# SPDX-License-Identifier: MIT
"""Streams, memory in their order, and CUDA graphs."""

import ctypes
import gc
import threading
import weakref

import numpy as np
import pytest

import foldconv
from device_tensor import DeviceTensor, ProtocolStream, Stream, call, live


class Lent:
    """An array by DLPack, so that foldconv does not see whose it is."""

    def __init__(self, array):
        self.array = array

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()

    def __dlpack__(self, **options):
        return self.array.__dlpack__(**options)


@pytest.fixture
def streams():
    made = [Stream(), Stream()]
    yield made
    for stream in made:
        stream.destroy()


def test_every_kind_of_stream(conv_plan, conv_input, streams):
    expected = conv_plan(conv_input)
    for stream in (None, 0, 1, 2, streams[0], streams[0].cuda_stream, ProtocolStream(streams[1])):
        assert np.array_equal(conv_plan(conv_input, stream=stream), expected)
        assert np.array_equal(conv_plan(foldconv.array(conv_input, stream=stream), stream=stream).numpy(), expected)


def test_what_is_no_stream(conv_plan, conv_input):
    class NoPair:
        def __cuda_stream__(self):
            return 7
    for stream, message in [("main", "a stream that is none: 'main'"), (1.0, "a stream that is none: 1.0"),
                            (True, "a stream that is none: True"), (-1, "a stream that is none: -1"),
                            (2**70, "a stream that is none"), (NoPair(), "is no pair: 7")]:
        with pytest.raises(foldconv.InvalidArgument, match=message):
            conv_plan(conv_input, stream=stream)


def test_a_stream_of_another_device(conv_plan, conv_input):
    other = Stream(device=1)
    with pytest.raises(foldconv.InvalidArgument, match="a stream of another device: the stream's 1, the plan's 0"):
        conv_plan(conv_input, stream=other)
    other.destroy()


def test_a_stream_that_is_no_more(conv_plan, conv_input):
    stream = Stream()
    stream.destroy()
    with pytest.raises(foldconv.CudaError, match="no stream: cudaStreamGetDevice says .*; give one that is not destroyed"):
        conv_plan(conv_input, stream=stream)
    assert conv_plan(conv_input).shape == conv_input.shape  # nothing was spoiled


def test_a_stream_that_is_captured(residual_net, conv_plan, conv_input, streams):
    x, lent = foldconv.array(conv_input), DeviceTensor(conv_input)
    conv_plan(lent)  # is let go by the next call
    launched = residual_net.plan(h=6, w=6).capture(foldconv.array(np.zeros((1, 3, 6, 6), np.float32)))
    launched.launch()
    gc.collect()
    handle, graph = ctypes.c_void_p(streams[0].cuda_stream), ctypes.c_void_p()
    call("cudaStreamBeginCapture", handle, 1)
    try:
        with pytest.raises(foldconv.Unsupported, match="a stream that is being captured: .*plan.capture"):
            conv_plan(x, stream=streams[0])
        assert lent.released == lent.exports
        del x, launched
        gc.collect()
    finally:
        call("cudaStreamEndCapture", handle, ctypes.byref(graph))
        call("cudaGraphDestroy", graph)


def test_results_go_from_stream_to_stream(conv_plan, conv_input, streams):
    expected = conv_plan(conv_plan(conv_input))
    between = conv_plan(foldconv.array(conv_input), stream=streams[0])
    assert np.array_equal(conv_plan(between, stream=streams[1]).numpy(), expected)
    out = foldconv.array(np.zeros_like(conv_input), stream=streams[1])
    conv_plan(between, stream=streams[0], out=out)
    assert np.array_equal(out.numpy(), expected)


def test_copies_are_waited_for(conv_plan, conv_input, streams):
    """The emulator lets a copy from the host arrive when something that is ordered behind it begins, not sooner."""
    expected = conv_plan(conv_input)
    x = foldconv.array(conv_input, stream=streams[0])
    assert np.array_equal(conv_plan(x, stream=streams[1]).numpy(), expected)  # its reader waits
    out = foldconv.array(np.zeros_like(conv_input), stream=streams[0])
    conv_plan(foldconv.array(conv_input), stream=streams[1], out=out)  # its writer waits
    assert np.array_equal(out.numpy(), expected)
    lent = Lent(foldconv.array(conv_input, stream=streams[0]))
    assert np.array_equal(conv_plan(lent, stream=streams[1]).numpy(), expected)  # who borrows it waits
    assert np.array_equal(np.asarray(foldconv.array(conv_input, stream=streams[0])), conv_input)


def test_another_thread_s_own_stream_is_waited_for(conv_plan, conv_input, streams):
    expected = conv_plan(conv_input)

    def in_a_thread(work):
        made = []
        thread = threading.Thread(target=lambda: made.append(work()))
        thread.start()
        thread.join()
        return made[0]
    x = in_a_thread(lambda: foldconv.array(conv_input, stream=2))
    assert np.array_equal(conv_plan(x, stream=streams[0]).numpy(), expected)
    lent = Lent(in_a_thread(lambda: foldconv.array(conv_input, stream=2)))
    assert np.array_equal(conv_plan(lent, stream=streams[0]).numpy(), expected)
    out = in_a_thread(lambda: foldconv.array(np.zeros_like(conv_input), stream=2))
    conv_plan(foldconv.array(conv_input), stream=streams[0], out=out)
    assert np.array_equal(out.numpy(), expected)


def test_streams_of_readers_are_kept(conv_plan, conv_input):
    x = foldconv.array(conv_input)
    stream = ProtocolStream(Stream())
    kept = weakref.ref(stream)
    conv_plan(x, stream=stream)
    del stream
    gc.collect()
    assert kept() is not None  # freeing x is ordered behind it
    del x
    gc.collect()
    assert kept() is None


def test_a_plan_of_another_device_is_called_from_this_one(conv_input):
    w = np.ones((8, 8, 1, 1), np.float32)
    plans = [foldconv.Conv(w, device=device).plan(4, 5, 7) for device in (0, 1)]
    assert [plan.device for plan in plans] == [0, 1]
    answers = [plan(conv_input) for plan in plans]
    assert np.array_equal(*answers)
    y = plans[1](foldconv.array(conv_input, 1))
    assert y.device == 1 and np.array_equal(y.numpy(), answers[0])
    current = ctypes.c_int(-1)
    call("cudaGetDevice", ctypes.byref(current))
    assert current.value == 0


def test_nothing_is_kept_but_what_is_in_use(residual_model):
    x = np.random.default_rng(11).standard_normal((2, 3, 6, 6)).astype(np.float32)
    foldconv.load(residual_model.proto).plan(n=2, h=6, w=6)(x)  # what the runtime keeps is there now
    gc.collect()
    before = live()
    stream = Stream()
    net = foldconv.load(residual_model.proto)
    plan = net.plan(n=2, h=6, w=6)
    device = DeviceTensor(x)
    for _ in range(3):
        logits, mean = plan(device, stream=stream)
        plan(x)
    del net
    expected = plan(x)[0]
    del plan  # in flight, as far as the emulator lets anything be
    assert np.array_equal(logits.numpy(), expected)
    stream.destroy()
    del logits, mean  # of a stream that is no more
    foldconv.array(x)
    foldconv.load(residual_model.proto).plan(n=2, h=6, w=6)(x)
    assert device.released == device.exports
    del device
    gc.collect()
    assert live() == before


def test_each_stream_in_use_has_memory_of_its_own(residual_net, streams):
    x = np.zeros((1, 3, 6, 6), np.float32)
    plan = residual_net.plan(h=6, w=6)
    gc.collect()
    counts = [live()[0]]
    for stream in (None, streams[0], streams[1], streams[0], None):
        plan(x, stream=stream)
        counts.append(live()[0])
    assert np.diff(counts).tolist() == [2, 2, 2, 0, 0]  # a workspace, and room for arrays from the host
    del plan
    assert live()[0] == counts[0]


def test_streams_come_and_go(residual_net):
    x = np.random.default_rng(13).standard_normal((1, 3, 6, 6)).astype(np.float32)
    plan = residual_net.plan(h=6, w=6)
    gc.collect()
    before = live()
    expected = plan(x)[0]
    for _ in range(40):
        stream = Stream()
        assert np.array_equal(plan(x, stream=stream)[0], expected)
        stream.destroy()
    for _ in range(40):
        thread = threading.Thread(target=lambda: plan(x, stream=2))
        thread.start()
        thread.join()
    assert live()[0] - before[0] == 2 * 32  # of each stream a workspace, and room for arrays from the host
    del plan
    assert live() == before


def test_graphs(residual_net, streams):
    rng = np.random.default_rng(12)
    x = [rng.standard_normal((2, 3, 6, 6)).astype(np.float32) for _ in range(2)]
    plan = residual_net.plan(n=2, h=6, w=6)
    given = DeviceTensor(x[0])
    graph = plan.capture(given)
    logits = graph.outputs[0]
    graph.launch()
    assert np.array_equal(logits.numpy(), plan(x[0])[0])
    call("cudaMemcpy", ctypes.c_void_p(given.address), ctypes.c_void_p(x[1].ctypes.data), ctypes.c_size_t(x[1].nbytes), 1)
    graph.launch(stream=streams[0])
    assert np.array_equal(logits.numpy(), plan(x[1])[0])
    del plan
    graph.launch(streams[1])
    assert given.released == 0  # it is read at each launch
    with pytest.raises(foldconv.InvalidArgument, match="a stream that is none"):
        graph.launch("x")
    del graph
    gc.collect()
    assert given.released == given.exports


def test_what_is_not_captured(residual_net, conv_plan, conv_input):
    with pytest.raises(foldconv.InvalidArgument, match="a graph of arrays on the host: .*foldconv.array"):
        residual_net.plan(h=6, w=6).capture(np.zeros((1, 3, 6, 6), np.float32))
    with pytest.raises(foldconv.Unsupported, match="a convolution or a block is not captured"):
        conv_plan.capture(foldconv.array(conv_input))
