// SPDX-License-Identifier: MIT
#include "late_copies.hpp"

#include <algorithm>
#include <cstring>
#include <mutex>

namespace cuemu::runtime {

// Guarded by the mutex of pending_copies().
struct LateCopy {
  CopyOperation copy;
  std::vector<std::byte> staged;  // the source's bytes, row by row; empty: read on arrival
  uint64_t stream = 0;
  int device = 0;
  bool legacy = false, blocking = false;

  bool comes_before(const Stream& other) const {
    if (device != other.device) return false;
    const bool other_blocks = (other.flags & cudaStreamNonBlocking) == 0;
    return stream == other.id || (blocking && other.legacy) || (legacy && other_blocks);
  }
};

namespace {

struct PendingCopies {
  std::mutex mutex;
  LateCopies in_order;
};

PendingCopies& pending_copies() {
  static PendingCopies* const instance = new PendingCopies;
  return *instance;
}

void stage(LateCopy& late) {
  const CopyOperation& copy = late.copy;
  late.staged.resize(copy.width * copy.rows);
  for (size_t row = 0; row < copy.rows; ++row) {
    std::memcpy(late.staged.data() + row * copy.width, copy.source + row * copy.source_pitch,
                copy.width);
  }
}

void arrive(const LateCopy& late) {
  CopyOperation copy = late.copy;
  if (!late.staged.empty()) {
    copy.source = late.staged.data();
    copy.source_pitch = copy.width;
  }
  for (size_t row = 0; row < copy.rows; ++row) {
    std::memcpy(copy.destination + row * copy.destination_pitch,
                copy.source + row * copy.source_pitch, copy.width);
  }
}

template <typename Predicate>
void land_where(Predicate&& is_due) {
  PendingCopies& pending = pending_copies();
  const std::lock_guard lock(pending.mutex);
  if (std::ranges::none_of(pending.in_order, is_due)) return;
  const std::lock_guard device_lock(device_mutex());
  std::erase_if(pending.in_order, [&](const auto& late) {
    if (!is_due(late)) return false;
    arrive(*late);
    return true;
  });
}

}  // namespace

bool may_arrive_late(const CopyOperation& copy) {
  if (!copies_are_late() || copy.width == 0 || copy.rows == 0) return false;
  const std::optional<MemoryRange> to = find_memory(copy.destination);
  const std::optional<MemoryRange> from = find_memory(copy.source);
  const bool to_device = to && (to->kind == MemoryKind::device ||  //
                                to->kind == MemoryKind::module_variable);
  const bool from_pageable = !from;
  const bool from_pinned = from && from->kind == MemoryKind::pinned_host;
  return to_device && (from_pageable || (from_pinned && !copy.synchronous));
}

void issue_late(const Stream& stream, const CopyOperation& copy) {
  auto late = std::make_shared<LateCopy>();
  late->copy = copy;
  late->stream = stream.id;
  late->device = stream.device;
  late->legacy = stream.legacy;
  late->blocking = (stream.flags & cudaStreamNonBlocking) == 0;
  if (!find_memory(copy.source)) stage(*late);
  PendingCopies& pending = pending_copies();
  const std::lock_guard lock(pending.mutex);
  const std::lock_guard device_lock(device_mutex());
  for (size_t row = 0; row < copy.rows; ++row) {
    std::memset(copy.destination + row * copy.destination_pitch, 0xFF, copy.width);
  }
  pending.in_order.push_back(std::move(late));
}

LateCopies copies_before(const Stream& stream) {
  PendingCopies& pending = pending_copies();
  const std::lock_guard lock(pending.mutex);
  LateCopies before;
  std::ranges::copy_if(pending.in_order, std::back_inserter(before),
                       [&](const auto& late) { return late->comes_before(stream); });
  return before;
}

void land(const LateCopies& copies) {
  if (copies.empty()) return;
  land_where([&](const auto& late) { return std::ranges::find(copies, late) != copies.end(); });
}

void land_all_of(int device) {
  land_where([&](const auto& late) { return late->device == device; });
}

void land_all() {
  land_where([](const auto&) { return true; });
}

}  // namespace cuemu::runtime
