// SPDX-License-Identifier: MIT
// Values on the device and back.
#pragma once

#include <cstring>
#include <span>
#include <vector>

#include "kernels/support/device_buffer.hpp"

namespace foldconv::stage_tests {

using kernel_tests::DeviceBuffer;

template <class T>
DeviceBuffer on_device(const std::vector<T>& values) {
  return DeviceBuffer(std::as_bytes(std::span(values)));
}

template <class T>
std::vector<T> downloaded(const DeviceBuffer& buffer) {
  const std::vector<std::byte> bytes = buffer.download();
  std::vector<T> values(bytes.size() / sizeof(T));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

}  // namespace foldconv::stage_tests
