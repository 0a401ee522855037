// SPDX-License-Identifier: MIT
// Device memory that is freed with its owner.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "foldconv/status.hpp"

namespace foldconv::host {

// Frees an allocation, if it is still there.
struct FreeAllocation {
  std::optional<std::uint64_t> id = {};  // of the allocation, where the driver tells it
  // Whether it is no more: cudaDeviceReset() frees it behind its owner, and its place may be another's by now. false where
  // that cannot be told.
  bool is_gone(const std::byte* pointer) const noexcept;
  void operator()(std::byte* pointer) const noexcept;
};

// One allocation with one or more parts, each aligned to kPartAlignment bytes.
class DeviceMemory {
 public:
  static constexpr std::size_t kPartAlignment = 256;

  // Copies of `parts` on the current device, complete when the call returns. `what` names them in
  // messages, a plural, and is kept.
  static Result<DeviceMemory> copy_of(std::initializer_list<std::span<const std::byte>> parts,
                                      const char* what);

  const void* part(std::size_t index) const { return allocation_.get() + offsets_[index]; }

  // Errors: invalid_argument: it is gone.
  Status check_there() const;

 private:
  std::unique_ptr<std::byte, FreeAllocation> allocation_;
  std::vector<std::size_t> offsets_;
  std::size_t bytes_ = 0;
  const char* what_ = "";
};

}  // namespace foldconv::host
