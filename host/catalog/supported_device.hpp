// SPDX-License-Identifier: MIT
// What is asked of the current device before anything is put on it.
#pragma once

#include "base/device.hpp"
#include "foldconv/cost.hpp"
#include "foldconv/status.hpp"

namespace foldconv::host {

// Errors: device_too_old below the architecture of every kernel, cuda_error.
Result<DeviceFigures> current_figures();

struct SupportedDevice {
  int index;
  DeviceFigures figures;
  DeviceSpeed speed;
};

// The same with the model's rates, whose clocks are read over PCIe: once for weights, not for each plan.
Result<SupportedDevice> current_supported_device();

}  // namespace foldconv::host
