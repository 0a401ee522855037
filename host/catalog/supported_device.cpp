// SPDX-License-Identifier: MIT
#include "catalog/supported_device.hpp"

#include "catalog/registry.hpp"
#include "cost/device_speed.hpp"

namespace foldconv::host {

Result<DeviceFigures> current_figures() {
  const Result<int> device = current_device();
  if (!device.ok()) return device.status();
  return supported_figures(*device);
}

Result<SupportedDevice> current_supported_device() {
  const Result<int> device = current_device();
  if (!device.ok()) return device.status();
  const Result<DeviceFigures> figures = supported_figures(*device);
  if (!figures.ok()) return figures.status();
  const Result<DeviceSpeed> speed = device_speed(*device, *figures);
  if (!speed.ok()) return speed.status();
  return SupportedDevice{*device, *figures, *speed};
}

}  // namespace foldconv::host
