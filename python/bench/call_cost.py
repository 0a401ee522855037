#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a call of a plan from Python costs over its launches: plan(x, out=y) beside the same launches in a loop in C++.

A figure of the host alone: CPU time of the calling thread, which nothing else on the machine adds to. With
FOLDCONV_EMULATE=1 the emulator is told to run no CTA of a launch. Each round times both ways, one after the other; the
median of the rounds' differences is printed, with the quartiles.
"""

import argparse
import ctypes
import os
import pathlib
import statistics
import sys
import time

import numpy as np

import foldconv

ROUNDS, CALLS = 101, 500
NETWORK = pathlib.Path(__file__).resolve().parents[2] / "tests" / "consumer" / "network.onnx"


def call_often(plan, x, y):
    for _ in range(CALLS):
        plan(x, out=y)


def launch_often(plan, x, y):
    plan._launch_only(x, out=y, calls=CALLS)


def microseconds(function, *arguments):
    begin = time.thread_time()
    function(*arguments)
    return (time.thread_time() - begin) / CALLS * 1e6


def report(name, plan, x, y):
    """Prints microseconds; returns the lower quartile of what the call adds: other programs on the machine, which take
    the caches, only make rounds longer."""
    plan(x, out=y)
    launches, calls, added = [], [], []
    for _ in range(ROUNDS):
        launches.append(microseconds(launch_often, plan, x, y))
        calls.append(microseconds(call_often, plan, x, y))
        added.append(calls[-1] - launches[-1])
    low, _, high = statistics.quantiles(added, n=4)
    median = statistics.median(added)
    print(f"{name:32} launches {statistics.median(launches):7.2f}  call {statistics.median(calls):7.2f}  "
          f"added {median:6.2f}  ({low:.2f} to {high:.2f}) us")
    return low


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", type=pathlib.Path, nargs="?", default=NETWORK,
                        help="an ONNX file; else tests/consumer/network.onnx, n = 1, 4x4: five launches")
    parser.add_argument("--limit", type=float, metavar="US",
                        help="exit code 1 where the lower quartile of what a call adds is larger, in microseconds")
    options = parser.parse_args()
    net = foldconv.load(options.network)
    network = net.plan(h=4, w=4)
    host = np.ones(network.inputs[0].shape, np.float32)
    conv = foldconv.Conv(np.ones((8, 8, 1, 1), np.float32)).plan(1, 1, 1)
    pixel = np.ones((1, 1, 1, 8), np.float16)
    if foldconv.emulated:
        runtime = ctypes.CDLL("libcudart.so.13", mode=os.RTLD_NOLOAD)
        runtime.cuemu_run_ctas_impl(ctypes.c_int64(2**40), ctypes.c_uint64(1))  # outside of every grid
    print(f"{'emulated' if foldconv.emulated else 'GPU'}, {ROUNDS} rounds of {CALLS} calls, CPU time; median (quartiles)")
    worst = 0.0
    for name, plan, x in (("network, arrays on the device", network, host), ("convolution, on the device", conv, pixel)):
        device = foldconv.array(x)
        worst = max(worst, report(name, plan, device, plan(device)))
    if options.limit is not None and worst > options.limit:
        sys.exit(f"a call adds {worst:.2f} us in the lower quartile of {ROUNDS} rounds; at most {options.limit} are allowed")


if __name__ == "__main__":
    main()
