# SPDX-License-Identifier: MIT
"""Processes: what an import says and does, and forks."""


import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

import foldconv

NETWORK = pathlib.Path(__file__).resolve().parents[2] / "tests" / "consumer" / "network.onnx"
RUNTIME = [path / "nvidia" / "cu13" / "lib" / "libcudart.so.13" for path in map(pathlib.Path, sys.path)]


def run(script, **environment):
    """A Python process; a variable that is None is unset."""
    variables = {**os.environ, "NETWORK": str(NETWORK), **environment}
    variables = {name: value for name, value in variables.items() if value is not None}
    return subprocess.run([sys.executable, "-B", "-c", script], env=variables, capture_output=True, text=True, timeout=60)


def test_the_emulator_says_so():
    done = run("import foldconv; assert foldconv.emulated", FOLDCONV_EMULATE="1")
    assert done.returncode == 0 and done.stdout == ""
    assert done.stderr == "foldconv: FOLDCONV_EMULATE=1: runs on the CPU, on the emulator of the CUDA runtime\n"


@pytest.mark.skipif(pathlib.Path("/dev/nvidia0").exists(), reason="this machine has a GPU")
@pytest.mark.parametrize("value", [None, "0"])
def test_without_a_device_the_first_call_says_what_to_do(value):
    done = run("""
import numpy, os, foldconv
assert not foldconv.emulated
assert foldconv.inspect(os.environ["NETWORK"]) == []
foldconv.fold(numpy.ones((1, 1, 1, 1), numpy.float32))  # needs no device
for call in (lambda: foldconv.load(os.environ["NETWORK"]), lambda: foldconv.array(numpy.ones(1, numpy.float32))):
    try:
        call()
    except foldconv.CudaError as error:
        print(error)
""", FOLDCONV_EMULATE=value)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 2 and lines[0] == lines[1]
    assert lines[0].startswith("no CUDA device: cudaGetDeviceCount says cudaError")
    assert "set FOLDCONV_EMULATE=1 before foldconv is imported" in lines[0] and done.stderr == ""


@pytest.mark.skipif(not any(path.is_file() for path in RUNTIME), reason="no wheel nvidia-cuda-runtime")
def test_another_runtime_in_the_process():
    library = next(path for path in RUNTIME if path.is_file())
    done = run(f"""
import ctypes
ctypes.CDLL({str(library)!r})
try:
    import foldconv
except ImportError as error:
    print(error)
""", FOLDCONV_EMULATE="1")
    assert done.stdout.strip().endswith("loaded it; import foldconv first") and "libcudart.so.13" in done.stdout
    assert run(f"import ctypes; ctypes.CDLL({str(library)!r}); import foldconv; assert not foldconv.emulated",
               FOLDCONV_EMULATE=None).returncode == 0


def test_a_fork_after_load():
    done = run("""
import gc, os, numpy, foldconv
net = foldconv.load(os.environ["NETWORK"])
plan = net.plan(h=4, w=4)
x = numpy.ones((1, 2, 4, 4), numpy.float32)
device, graph = foldconv.array(x), plan.capture(foldconv.array(x))
plan(x)
parent, child = os.getpid(), os.fork()
if child == 0:
    for call in (lambda: plan(x), lambda: plan(device), lambda: net.plan(h=4, w=4), lambda: foldconv.array(x),
                 lambda: device.numpy(), graph.launch, lambda: foldconv.load(os.environ["NETWORK"]),
                 lambda: device.__dlpack__(stream=1)):
        try:
            call()
            print("no error")
        except foldconv.CudaError as error:
            assert f"loaded in process {parent}, this is process {os.getpid()}; start processes with \\"spawn\\"" in str(error)
            print("error")
    del net, plan, device, graph
    gc.collect()
    print("dropped", flush=True)
    os._exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert plan(x)[0, 0] == 25
print("parent")
""")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["error"] * 8 + ["dropped", "parent"]


def test_a_fork_before_load():
    done = run("""
import os, numpy, foldconv
child = os.fork()
assert foldconv.load(os.environ["NETWORK"]).plan(h=4, w=4)(numpy.ones((1, 2, 4, 4), numpy.float32))[0, 0] == 25
if child == 0:
    os._exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
""")
    assert done.returncode == 0, done.stderr


def test_the_end_of_a_process_with_all_of_it_alive():
    done = run("""
import os, numpy, foldconv
net = foldconv.load(os.environ["NETWORK"])
plan = net.plan(h=4, w=4)
x = foldconv.array(numpy.ones((1, 2, 4, 4), numpy.float32))
graph, y = plan.capture(x), plan(x)
capsule = y.__dlpack__(stream=1)
""")
    assert done.returncode == 0 and "leak" not in done.stderr, done.stderr


@pytest.mark.parametrize("call", ["plan(x)", "plan(Producer())", "refused()"])
def test_the_end_of_a_process_with_daemon_threads_in_calls(call):
    """In the library, in a method of Python that it calls, and in an exception's."""
    done = run(f"""
import os, threading, time, numpy, foldconv
plan = foldconv.load(os.environ["NETWORK"]).plan(h=4, w=4)
x = numpy.ones((1, 2, 4, 4), numpy.float32)
class Producer:
    def __dlpack_device__(self):
        sum(range(1000))
        return 1, 0
    def __dlpack__(self, **options):
        sum(range(1000))
        return x.__dlpack__()
def refused():
    try:
        plan(x[:, :1])
    except foldconv.InvalidArgument:
        pass
calls = [0] * 4
def work(index):
    while True:
        {call}
        calls[index] += 1
for index in range(4):
    threading.Thread(target=work, args=(index,), daemon=True).start()
while min(calls) < 3:
    time.sleep(0.01)
""")
    assert done.returncode == 0 and "leak" not in done.stderr, done.stderr


@pytest.mark.parametrize("again", [
    "[sys.modules.pop(name) for name in list(sys.modules) if name.startswith('foldconv')]; import foldconv",
    "import _xxsubinterpreters as interpreters; interpreters.run_string(interpreters.create(), 'import foldconv')",
])
def test_a_second_copy_in_a_process(again):
    if "interpreters" in again and sys.version_info >= (3, 13):
        pytest.skip("Python's module of interpreters has another name from 3.13 on")
    done = run(f"""
import os, sys, numpy, foldconv
plan = foldconv.load(os.environ["NETWORK"]).plan(h=4, w=4)
try:
    {again}
except Exception as error:
    print(error)
assert plan(numpy.ones((1, 2, 4, 4), numpy.float32))[0, 0] == 25
""")
    assert done.returncode == 0, done.stderr
    assert "foldconv is in this process already" in done.stdout


def test_memory_that_is_not_there():
    done = run("""
import os, numpy, foldconv
net = foldconv.load(os.environ["NETWORK"])
plan = net.plan(h=4, w=4)
x = numpy.ones((1, 2, 4, 4), numpy.float32)
try:
    plan(x)
except foldconv.OutOfMemory as error:
    assert isinstance(error, MemoryError)
    print(error)
assert plan(x)[0, 0] == 25
""", CUEMU_FAIL="cudaStreamGetId:1")
    assert done.returncode == 0 and "cudaErrorMemoryAllocation" in done.stdout, done.stderr


def test_the_version_is_the_library_s():
    header = (pathlib.Path(__file__).resolve().parents[2] / "include" / "foldconv" / "version.hpp").read_text()
    numbers = [line.split()[-1] for line in header.splitlines() if line.startswith("#define FOLDCONV_VERSION_")]
    assert foldconv.__version__ == ".".join(numbers)
    import importlib.metadata
    try:
        assert importlib.metadata.version("foldconv") == foldconv.__version__
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("foldconv is not installed as a wheel")
