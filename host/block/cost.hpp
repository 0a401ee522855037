// SPDX-License-Identifier: MIT
// What the model of foldconv/cost.hpp is made of.
#pragma once

#include <cstdint>

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

// How a filter moves over one axis.
struct Window {
  int stride = 1, pad = 0, taps = 1, dilation = 1;  // pad: before the first row; negative: cropped
};
// How many of `size` rows some tap of some of the outputs meets.
std::int64_t pixels_met(int size, int outputs, const Window& window);

// Elements of x that a convolution reads: with strides over 1, a filter may skip some.
double elements_read(const ConvProblem& problem);

}  // namespace foldconv::host
