// SPDX-License-Identifier: MIT
// The harness's device memory, as the tests of kernels use it: placed so that nothing is aligned by
// chance, and a written guard band is a test failure.
#pragma once

#include <gtest/gtest.h>

#include <span>

#include "harness/device/buffer.hpp"
#include "harness/error.hpp"

namespace foldconv::kernel_tests {

using harness::check;
using harness::Guards;
using harness::value_of;

class DeviceBuffer : public harness::DeviceBuffer {
 public:
  explicit DeviceBuffer(std::size_t size, Guards guards = Guards::shifted)
      : harness::DeviceBuffer(size, guards) {}
  explicit DeviceBuffer(std::span<const std::byte> content, Guards guards = Guards::shifted)
      : harness::DeviceBuffer(content, guards) {}
  ~DeviceBuffer() {
    if (!guards_intact())
      ADD_FAILURE() << "a guard band of a buffer of " << bytes() << " was written";
  }
  DeviceBuffer(const DeviceBuffer&) = delete;
  DeviceBuffer& operator=(const DeviceBuffer&) = delete;

  // After a fault nothing can be read; the fault itself is reported where it was found.
  bool guards_intact() const try { return intact(); } catch (const harness::Error&) {
    return true;
  }
};

}  // namespace foldconv::kernel_tests
