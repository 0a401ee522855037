# SPDX-License-Identifier: MIT
"""Checked runs: a wrong pointer is an error of the call."""

import os
import subprocess
import sys

import numpy as np
import pytest

import foldconv
from device_tensor import DeviceTensor, call

pytestmark = pytest.mark.skipif(not foldconv.emulated, reason="on a GPU a freed address may be another array's")


@pytest.fixture
def checked():
    before = foldconv.runs_are_checked()
    foldconv.check_runs()
    yield
    foldconv.check_runs(before)


def test_may_be_said_and_asked(checked):
    assert foldconv.runs_are_checked()
    foldconv.check_runs(False)
    assert not foldconv.runs_are_checked()
    foldconv.check_runs(checked=True)
    assert foldconv.runs_are_checked()


def test_what_is_right_runs(checked, conv_plan, residual_net, conv_input):
    expected = conv_plan(conv_input)
    assert np.array_equal(conv_plan(DeviceTensor(conv_input)).numpy(), expected)
    # Fewer images need memory for no more.
    assert np.array_equal(conv_plan(DeviceTensor(conv_input[:3])).numpy(), expected[:3])
    plan = residual_net.plan(n=2, h=32, w=32)
    image = np.ones((1, 3, 32, 32), np.float32)
    for on_device, on_host in zip(plan(DeviceTensor(image)), plan(image), strict=True):
        assert np.array_equal(on_device.numpy(), on_host)
    plan.capture(DeviceTensor(np.ones((2, 3, 32, 32), np.float32))).launch()


def test_memory_that_was_freed(checked, conv_plan, conv_input):
    x = DeviceTensor(conv_input)
    call("cudaFree", x.memory)
    x.memory = None
    with pytest.raises(foldconv.InvalidArgument, match="x is in no allocation: x = 0x[0-9a-f]+, 2240 bytes"):
        conv_plan(x)


def test_memory_that_is_too_short(checked, conv_plan, conv_input):
    x = DeviceTensor(conv_input[:2], shape=conv_input.shape)
    with pytest.raises(foldconv.InvalidArgument, match="only the first 1120 lie in it"):
        conv_plan(x)


def test_weights_behind_a_reset():
    script = """
import ctypes, os, numpy
import foldconv
cudart = ctypes.CDLL("libcudart.so.13", mode=os.RTLD_NOLOAD)
plan = foldconv.Conv(numpy.ones((8, 8, 1, 1), numpy.float32)).plan(1, 2, 2)
x = foldconv.array(numpy.ones((1, 2, 2, 8), numpy.float16))
y = plan(x)
cudart.cudaDeviceReset()
try:
    plan(x)
except foldconv.InvalidArgument as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-B", "-c", script], env={**os.environ, "FOLDCONV_CHECK_RUNS": "1"},
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "no longer on the device" in done.stdout and "cudaDeviceReset()" in done.stdout
