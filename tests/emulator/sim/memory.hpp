// SPDX-License-Identifier: MIT
// Host memory that kernels may touch, and which of its sectors a launch has touched.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "registered_memory.hpp"

namespace cuemu {

inline constexpr unsigned kSectorShift = 5;  // 32 bytes

// One bit for each sector of 1 MiB.
struct SectorChunk {
  static constexpr uint64_t kSectors = 32768;
  std::atomic<bool> dirty{false};
  std::atomic<uint64_t> words[kSectors / 64] = {};

  void clear();
};

// The sectors of one region that the running launch has touched. Chunks appear at their first use
// and are kept.
class SectorMap {
 public:
  explicit SectorMap(uint64_t sectors);
  ~SectorMap();
  SectorMap(const SectorMap&) = delete;
  SectorMap& operator=(const SectorMap&) = delete;

  // Marks of the 64 sectors from 64 * word on those in `bits`; returns how many of them were not marked before.
  // Thread-safe.
  uint64_t mark(uint64_t word, uint64_t bits, std::vector<SectorChunk*>& dirtied) {
    constexpr uint64_t kWords = SectorChunk::kSectors / 64;
    SectorChunk* c = chunks_[word / kWords].load(std::memory_order_acquire);
    if (c == nullptr || !c->dirty.load(std::memory_order_relaxed)) [[unlikely]]
      c = &chunk(word / kWords, dirtied);
    std::atomic<uint64_t>& marked = c->words[word % kWords];
    if ((marked.load(std::memory_order_relaxed) & bits) == bits) return 0;
    const uint64_t old = marked.fetch_or(bits, std::memory_order_relaxed);
    return static_cast<uint64_t>(std::popcount(bits & ~old));
  }
  // Whether one of the sectors from `first` to `last` is marked.
  bool is_marked(uint64_t first, uint64_t last) const;
  // All marks change places with those of a map of the same size. No launch runs meanwhile.
  void swap_marks(SectorMap& other) { chunks_.swap(other.chunks_); }

 private:
  SectorChunk& chunk(uint64_t index, std::vector<SectorChunk*>& dirtied);
  std::vector<std::atomic<SectorChunk*>> chunks_;
};

struct Region {
  Region(uint64_t base_address, uint64_t bytes, MemoryKind what, int of_device);
  uint64_t base, end;
  MemoryKind kind;
  int device;
  mutable SectorMap read, written;
  // The same of the launch before, where the running one may overlap it.
  mutable SectorMap read_before, written_before;

  bool is_visible_to(int other_device) const {
    return device == other_device || kind == MemoryKind::managed || kind == MemoryKind::pinned_host;
  }
  bool holds(uint64_t first, uint64_t behind) const { return first >= base && behind <= end; }
};

// Sorted by address. A launch works on the table as it was at its start.
class RegionTable {
 public:
  const Region* find(uint64_t address) const;
  // For messages: the region that ends nearest below or begins nearest above.
  const Region* nearest(uint64_t address) const;

  std::vector<std::shared_ptr<const Region>> regions;
};
std::shared_ptr<const RegionTable> current_regions();
// Of these, what kernels on the device may touch.
std::shared_ptr<const RegionTable> regions_visible_to(int device);

}  // namespace cuemu
