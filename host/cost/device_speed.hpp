// SPDX-License-Identifier: MIT
// Rates of devices, behind foldconv/cost.hpp's model.
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

}  // namespace foldconv::host
