// SPDX-License-Identifier: MIT
// What a Conv holds.
#pragma once

#include "base/device.hpp"
#include "base/device_memory.hpp"
#include "base/internals.hpp"
#include "foldconv/conv.hpp"
#include "foldconv/cost.hpp"

namespace foldconv {

struct Conv::Data {
  DataType dtype;
  int k, c_per_group, r, s;
  int device;
  host::DeviceFigures figures;  // of the device
  DeviceSpeed speed;
  host::DeviceMemory memory;
  const void* weights;  // in `memory`, as the following; packed
  const float* scale;
  const float* bias;
};

namespace host {
using ConvData = DataOf<Conv>;
}

}  // namespace foldconv
