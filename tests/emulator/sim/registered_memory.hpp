// SPDX-License-Identifier: MIT
// Memory that device code may touch.
#pragma once

#include <cstddef>
#include <optional>

namespace cuemu {

enum class MemoryKind { device, managed, pinned_host, module_variable };

// Tells the engine that [base, base + size) may be read and written by kernels: managed and host
// memory by those of every device, other memory by those of `device`. Any access that does not lie
// wholly within one such range is an out-of-bounds fault. Thread-safe.
void register_memory(void* base, size_t size, MemoryKind kind, int device);
void unregister_memory(void* base);

struct MemoryRange {
  std::byte* base = nullptr;
  size_t size = 0;
  MemoryKind kind = MemoryKind::device;
  int device = 0;
};
// The range that holds `address`, if any. Thread-safe.
std::optional<MemoryRange> find_memory(const void* address);

}  // namespace cuemu
