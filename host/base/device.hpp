// SPDX-License-Identifier: MIT
// What the host asks of the CUDA device.
#pragma once

#include <cstddef>

#include "foldconv/status.hpp"

namespace foldconv::host {

// The figures of a device that selection and launch depend on. A plain struct, so that tests can
// try devices that they do not have.
struct DeviceFigures {
  int capability = 0;            // compute capability times 10: 80, 86, 90
  int multiprocessors = 0;       // SMs
  std::size_t shared_bytes = 0;  // most shared memory of a CTA, after the opt-in
};

Result<int> current_device();

Result<DeviceFigures> device_figures(int device);

// ok if `device` is current. `owner` names what lives on it: "the plan".
Status check_current_device(int device, const char* owner);

struct KernelFigures {
  int registers = 0;    // per thread
  int ctas_per_sm = 0;  // resident
};

// Loads a kernel on the current device and permits it all the shared memory that the device has
// (what a launch then takes is the launch's own figure, so plans cannot disturb each other).
Result<KernelFigures> prepare_kernel(const void* entry, int threads, std::size_t shared_bytes,
                                     const DeviceFigures& device);

}  // namespace foldconv::host
