// SPDX-License-Identifier: MIT
// The process, the device and the stream that a call is for.
#pragma once

#include <cuda_runtime_api.h>
#include <nanobind/nanobind.h>

#include "foldconv/status.hpp"

namespace foldconv::python {

// What every function that uses a device does first: raises where there is none, and in a process that was forked from
// one that had used it.
void enter_device();

// In a process that was forked from one that had used a device: what it holds of one is the parent's, and let alone.
bool is_forked() noexcept;

// Makes a device current, and then the one that was.
class DeviceScope {
 public:
  explicit DeviceScope(int device) noexcept;
  ~DeviceScope();
  DeviceScope(const DeviceScope&) = delete;
  DeviceScope& operator=(const DeviceScope&) = delete;

  const Status& status() const noexcept { return status_; }

 private:
  int before_ = -1;  // to go back to; -1: nothing to do
  Status status_;
};

// What a stream capture by this thread forbids (allocating, freeing, waiting) is done in spite of it: none of it is part
// of what is captured.
class OutsideCapture {
 public:
  OutsideCapture() noexcept { cudaThreadExchangeStreamCaptureMode(&mode_); }
  ~OutsideCapture() { cudaThreadExchangeStreamCaptureMode(&mode_); }
  OutsideCapture(const OutsideCapture&) = delete;
  OutsideCapture& operator=(const OutsideCapture&) = delete;

 private:
  cudaStreamCaptureMode mode_ = cudaStreamCaptureModeRelaxed;
};

// The current device for None.
int device_of(nanobind::handle device);

// A stream as Python has it: None (the legacy default stream), an int, or an object with __cuda_stream__ or cuda_stream.
// Both handles of the legacy default stream are null here.
cudaStream_t stream_of(nanobind::handle stream);

// ok if work for `device`, which is current, may be put into the stream now. `who`: "plan".
Status check_stream(cudaStream_t stream, int device, const char* who);

// What `after` is given from now on waits for what `before` has been given so far.
Status order(cudaStream_t before, cudaStream_t after);

}  // namespace foldconv::python
