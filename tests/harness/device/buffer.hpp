// SPDX-License-Identifier: MIT
// Device memory that shows what was not written, or written elsewhere.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "harness/device/objects.hpp"

namespace foldconv::harness {

using Bytes = std::vector<std::byte>;

// What lies before and behind the data.
enum class Guards {
  aligned,  // bands of poison; the data is aligned as an allocation is (256 bytes)
  shifted,  // bands of poison; the data is aligned to 16 bytes, and no more
  none,     // nothing: the emulator faults on any access outside
};

// Move-only. Whatever fills it has arrived when the call returns, also for streams that do not wait
// for the legacy stream. Errors are thrown.
class DeviceBuffer {
 public:
  // A NaN in every storage type: reads outside and elements never written show in the result.
  static constexpr int kPoison = 0xff;

  DeviceBuffer() = default;                                                   // no memory
  explicit DeviceBuffer(std::size_t bytes, Guards guards = Guards::aligned);  // all poison
  explicit DeviceBuffer(std::span<const std::byte> content, Guards guards = Guards::aligned);

  void* data() const { return memory_ == nullptr ? nullptr : memory_.get() + band_; }
  std::size_t bytes() const { return bytes_; }

  void upload(std::span<const std::byte> content) const;  // bytes() of them
  void poison() const;
  Bytes download() const;
  bool intact() const;  // nothing was written to the bands

 private:
  Owned<std::byte*, cudaFree> memory_;
  std::size_t bytes_ = 0, band_ = 0;
};

}  // namespace foldconv::harness
