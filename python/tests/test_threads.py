# SPDX-License-Identifier: MIT
"""Threads: plans of their own, and one plan for all."""

import ctypes
import threading
import time

import numpy as np

import foldconv
from device_tensor import Stream, cudart
from threads import run_in_threads


def images(seed):
    return np.random.default_rng(seed).standard_normal((2, 3, 8, 8)).astype(np.float32)


def test_four_threads_with_four_plans_give_equal_bits(residual_net):
    x = images(20)
    expected = residual_net.plan(n=2, h=8, w=8)(x)[0]
    plans, streams = [residual_net.plan(n=2, h=8, w=8) for _ in range(4)], [Stream() for _ in range(4)]

    def work(index):
        for _ in range(5):
            assert np.array_equal(plans[index](x, stream=streams[index])[0], expected)
    run_in_threads(4, work)
    del plans
    for stream in streams:
        stream.destroy()


def test_threads_take_turns_on_one_plan_and_stream(residual_net):
    plan = residual_net.plan(n=2, h=8, w=8)
    x = [images(21 + index) for index in range(4)]
    expected = [plan(images)[0] for images in x]
    assert not np.array_equal(expected[0], expected[1])

    def work(index):
        device = foldconv.array(x[index])
        for _ in range(8):
            assert np.array_equal(plan(x[index])[0], expected[index])
            assert np.array_equal(plan(device)[0].numpy(), expected[index])
    run_in_threads(4, work)


def test_other_threads_run_while_a_plan_launches(conv_plan, conv_input):
    """The emulator has the launching thread sleep in C: with the GIL held, nothing would be counted meanwhile."""
    x = foldconv.array(conv_input)
    running, seen, seconds = threading.Event(), [], 0.9

    def count():
        running.set()
        while running.is_set():
            seen.append(time.perf_counter())
            time.sleep(0.001)
    thread = threading.Thread(target=count)
    thread.start()
    running.wait()
    sleep = ctypes.cast(ctypes.CDLL(None).usleep, ctypes.c_void_p)
    cudart.cuemu_at_launch_impl(sleep, ctypes.c_void_p(int(seconds * 1e6)))
    begin = time.perf_counter()
    try:
        conv_plan(x)
    finally:
        end = time.perf_counter()
        cudart.cuemu_at_launch_impl(None, None)
        running.clear()
        thread.join()
    assert end - begin >= seconds
    inside = [begin, *(t for t in seen if begin < t < end), end]
    longest = max(b - a for a, b in zip(inside, inside[1:]))
    assert longest < seconds / 2, f"{longest} of {end - begin} s without another thread"


def test_plans_are_dropped_while_others_run(residual_net):
    x = images(30)
    expected = residual_net.plan(n=2, h=8, w=8)(x)[0]

    def work(index):
        for _ in range(4):
            assert np.array_equal(residual_net.plan(n=2, h=8, w=8)(x)[0], expected)
    run_in_threads(3, work)
