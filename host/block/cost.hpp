// SPDX-License-Identifier: MIT
// What the model of foldconv/cost.hpp is made of.
#pragma once

#include "base/device.hpp"
#include "foldconv/cost.hpp"

namespace foldconv::host {

// As the driver reports them; 0 where it does not.
struct DeviceClocks {
  int sm_khz = 0;
  int memory_khz = 0;
  int memory_bus_bits = 0;
};
DeviceSpeed speed_of(const DeviceClocks& clocks, const DeviceFigures& figures);

Result<DeviceSpeed> device_speed(int device, const DeviceFigures& figures);

// Elements of x that a convolution reads: with strides over 1, a filter may skip some.
double elements_read(const ConvProblem& problem);

}  // namespace foldconv::host
