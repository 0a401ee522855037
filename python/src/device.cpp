// SPDX-License-Identifier: MIT
#include "device.hpp"

#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <string>

#include "error.hpp"

namespace nb = nanobind;

namespace foldconv::python {
namespace {

std::atomic<long> device_user = 0;  // the process that used a device first; 0: none has
std::atomic<bool> forked = false;

void check_there_is_a_device() {
  int count = 0;
  const cudaError_t code = cudaGetDeviceCount(&count);
  if (code == cudaSuccess && count > 0) return;
  cudaGetLastError();
  std::string found = "cudaGetDeviceCount says ";
  found += code == cudaSuccess ? "0" : cudaGetErrorName(code);
  raise(failure(ErrorCode::cuda_error, "no CUDA device", found,
                "run it on a machine with an NVIDIA GPU and its driver, or on the emulator: set "
                "FOLDCONV_EMULATE=1 before foldconv is imported"));
}

cudaStream_t stream_of_handle(nb::handle value) {
  if (!PyLong_Check(value.ptr()) || PyBool_Check(value.ptr())) {
    raise(invalid("a stream that is none", nb::repr(value).c_str(),
                  "give None, a cudaStream_t as an int, or an object with __cuda_stream__ or "
                  "cuda_stream"));
  }
  const unsigned long long handle = PyLong_AsUnsignedLongLong(value.ptr());
  if (PyErr_Occurred() != nullptr) {
    PyErr_Clear();
    raise(invalid("a stream that is none", nb::repr(value).c_str(),
                  "give a cudaStream_t as an int, 0 or above"));
  }
  const auto stream = reinterpret_cast<cudaStream_t>(static_cast<std::uintptr_t>(handle));
  return stream == cudaStreamLegacy ? nullptr : stream;
}

}  // namespace

void enter_device() {
  if (is_forked()) {
    raise(failure(ErrorCode::cuda_error, "CUDA does not survive a fork",
                  "foldconv was loaded in process " + std::to_string(device_user.load()) +
                      ", this is process " + std::to_string(getpid()),
                  "start processes with \"spawn\", or load in each of them"));
  }
  if (device_user.load(std::memory_order_relaxed) != 0) return;
  check_there_is_a_device();
  static const int registered = pthread_atfork(nullptr, nullptr, [] { forked.store(true); });
  static_cast<void>(registered);
  device_user.store(getpid());
}

bool is_forked() noexcept {
  return forked.load(std::memory_order_relaxed);
}

DeviceScope::DeviceScope(int device) noexcept {
  int current = 0;
  cudaError_t code = cudaGetDevice(&current);
  if (code == cudaSuccess && current != device) {
    code = cudaSetDevice(device);
    if (code == cudaSuccess) before_ = current;
  }
  if (code != cudaSuccess) status_ = cuda_failure(code, "cudaSetDevice");
}

DeviceScope::~DeviceScope() {
  if (before_ >= 0) cudaSetDevice(before_);
}

int device_of(nb::handle device) {
  enter_device();
  int current = 0, count = 0;
  check(cuda_status(cudaGetDevice(&current), "cudaGetDevice"));
  if (device.is_none()) return current;
  check(cuda_status(cudaGetDeviceCount(&count), "cudaGetDeviceCount"));
  long index = -1;
  if (PyLong_Check(device.ptr()) && !PyBool_Check(device.ptr())) {
    index = PyLong_AsLong(device.ptr());
    if (PyErr_Occurred() != nullptr) PyErr_Clear();
  }
  if (index < 0 || index >= count) {
    raise(invalid("no such device", nb::repr(device).c_str(),
                  "give None, or an int from 0 to " + std::to_string(count - 1)));
  }
  return static_cast<int>(index);
}

cudaStream_t stream_of(nb::handle stream) {
  if (stream.is_none()) return nullptr;
  if (PyLong_Check(stream.ptr())) return stream_of_handle(stream);
  if (nb::hasattr(stream, "__cuda_stream__")) {
    const nb::object pair = stream.attr("__cuda_stream__")();
    if (!PyTuple_Check(pair.ptr()) || PyTuple_Size(pair.ptr()) != 2) {
      raise(invalid("a stream whose __cuda_stream__ is no pair", nb::repr(pair).c_str(),
                    "return (0, handle)"));
    }
    return stream_of_handle(pair[1]);
  }
  if (nb::hasattr(stream, "cuda_stream")) return stream_of_handle(stream.attr("cuda_stream"));
  return stream_of_handle(stream);
}

Status check_stream(cudaStream_t stream, int device, const char* who) {
  if (stream != nullptr && stream != cudaStreamPerThread) {
    int of = 0;
    if (const cudaError_t code = cudaStreamGetDevice(stream, &of); code != cudaSuccess) {
      if (code != cudaErrorInvalidResourceHandle) return cuda_failure(code, "cudaStreamGetDevice");
      cudaGetLastError();
      return failure(ErrorCode::cuda_error, "no stream",
                     "cudaStreamGetDevice says cudaErrorInvalidResourceHandle",
                     "give one that is not destroyed yet");
    }
    if (of != device) {
      return invalid(
          "a stream of another device",
          "the stream's " + std::to_string(of) + ", the " + who + "'s " + std::to_string(device),
          "give a stream of device " + std::to_string(device));
    }
  }
  cudaStreamCaptureStatus capturing = cudaStreamCaptureStatusNone;
  if (const cudaError_t code = cudaStreamIsCapturing(stream, &capturing); code != cudaSuccess) {
    return cuda_failure(code, "cudaStreamIsCapturing");
  }
  if (capturing == cudaStreamCaptureStatusNone) return {};
  return failure(ErrorCode::unsupported, "a stream that is being captured",
                 "the call uses memory of its own, which a graph would not keep",
                 "call plan.capture(), which makes a graph");
}

Status order(cudaStream_t before, cudaStream_t after) {
  if (before == after && before != cudaStreamPerThread) return {};
  cudaEvent_t event = nullptr;
  cudaError_t code = cudaEventCreateWithFlags(&event, cudaEventDisableTiming);
  if (code != cudaSuccess) return cuda_failure(code, "cudaEventCreateWithFlags");
  code = cudaEventRecord(event, before);
  if (code == cudaSuccess) code = cudaStreamWaitEvent(after, event, 0);
  cudaEventDestroy(event);
  return cuda_status(code, "ordering two streams");
}

}  // namespace foldconv::python
