// SPDX-License-Identifier: MIT
// A tensor on the device that is a part of the channels of another one.
#pragma once

#include "foldconv/tensor.hpp"
#include "kernels/support/device_buffer.hpp"

namespace foldconv::kernel_tests {

// All other channels are NaN, and a test failure where they were written. The tensor has the last channels that it can
// have, a multiple of 16 bytes behind a pixel's first, and memory ends with them.
class PitchedTensor {
 public:
  // `pitch`: elements from a pixel to the next; at least the channels.
  PitchedTensor(DataType dtype, const Shape& shape, int pitch, Guards guards = Guards::shifted);
  PitchedTensor(DataType dtype, const Shape& shape, int pitch, const harness::Bytes& content,
                Guards guards = Guards::shifted);

  void* data() const { return static_cast<std::byte*>(buffer_.data()) + offset_; }
  const DeviceBuffer& whole() const { return buffer_; }

  // Bytes of the tensor alone, as if it lay dense.
  void upload(const harness::Bytes& content) const;
  harness::Bytes download() const;

 private:
  std::size_t pixels_, pitch_, pixel_bytes_, offset_;  // bytes
  DeviceBuffer buffer_;
};

}  // namespace foldconv::kernel_tests
