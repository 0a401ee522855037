// SPDX-License-Identifier: MIT
#include "access.hpp"

#include <algorithm>
#include <cstring>

#include "fault.hpp"
#include "launch.hpp"

namespace cuemu {
namespace {

std::string describe(const Region* r) {
  if (r == nullptr) return "no memory is registered";
  return format("nearest is [0x%llx, 0x%llx), %llu bytes", static_cast<unsigned long long>(r->base),
                static_cast<unsigned long long>(r->end),
                static_cast<unsigned long long>(r->end - r->base));
}

// Why there is nothing at `address` for this launch.
std::string describe_absence(const Warp& w, uint64_t address) {
  const int device = w.worker->launch->launch->device;
  const std::shared_ptr<const RegionTable> all = current_regions();
  const Region* elsewhere = all->find(address);
  if (elsewhere != nullptr && !elsewhere->is_visible_to(device))
    return format("memory of device %d, the kernel runs on device %d", elsewhere->device, device);
  const RegionTable& table = *w.worker->regions;
  const Region* r = table.find(address);
  return describe(r != nullptr ? r : table.nearest(address));
}

}  // namespace

void fault_shared(const Warp& w, const Instr& in, uint32_t mask, const uint32_t* offset,
                  unsigned bytes, const char* what) {
  const uint32_t size = w.cta->shared_bytes;
  uint32_t outside = 0, misaligned = 0;
  each_lane(mask, [&](unsigned l) {
    if (uint64_t{offset[l]} + bytes > size) outside |= 1u << l;
    if ((offset[l] & (bytes - 1)) != 0) misaligned |= 1u << l;
  });
  const uint32_t lanes = outside != 0 ? outside : misaligned;
  const unsigned lane = first_lane(lanes);
  if (outside != 0)
    raise_fault(w, in, "out-of-bounds", lanes,
                format("shared %s of %u bytes at offset %u, the block has %u bytes", what, bytes,
                       offset[lane], size));
  raise_fault(w, in, "misaligned-access", lanes,
              format("shared %s of %u bytes at offset %u", what, bytes, offset[lane]));
}

const Region* check_global_slowly(Warp& w, const Instr& in, uint32_t mask, const uint64_t* address,
                                  unsigned bytes, const char* what) {
  const RegionTable& table = *w.worker->regions;
  const Region* common = nullptr;
  bool several = false;
  uint32_t outside = 0, misaligned = 0;
  each_lane(mask, [&](unsigned l) {
    const Region* r = table.find(address[l]);
    if (r == nullptr || !r->holds(address[l], address[l] + bytes)) outside |= 1u << l;
    if ((address[l] & (bytes - 1)) != 0) misaligned |= 1u << l;
    several |= common != nullptr && r != common;
    common = r;
  });
  if (outside != 0) {
    const uint64_t a = address[first_lane(outside)];
    raise_fault(w, in, "out-of-bounds", outside,
                format("global %s of %u bytes at 0x%llx, ", what, bytes,
                       static_cast<unsigned long long>(a)) +
                    describe_absence(w, a));
  }
  if (misaligned != 0)
    raise_fault(w, in, "misaligned-access", misaligned,
                format("global %s of %u bytes at 0x%llx", what, bytes,
                       static_cast<unsigned long long>(address[first_lane(misaligned)])));
  if (several) return nullptr;
  w.worker->site_region[in.site] = common;
  return common;
}

void check_global_range(Warp& w, const Instr& in, uint32_t lane, uint64_t address, uint64_t bytes,
                        const char* what) {
  const Region* r = w.worker->site_region[in.site];
  if (r != nullptr && r->holds(address, address + bytes)) return;
  r = w.worker->regions->find(address);
  if (r == nullptr || !r->holds(address, address + bytes) || address + bytes < address)
    raise_fault(w, in, "out-of-bounds", 1u << lane,
                format("%s of %llu bytes at 0x%llx, ", what, static_cast<unsigned long long>(bytes),
                       static_cast<unsigned long long>(address)) +
                    describe_absence(w, address));
  w.worker->site_region[in.site] = r;
}

void fault_local(const Warp& w, const Instr& in, uint32_t lane, uint64_t offset, unsigned bytes,
                 const char* what) {
  const bool outside = offset + bytes > w.local_stride || offset + bytes < offset;
  raise_fault(w, in, outside ? "out-of-bounds" : "misaligned-access", 1u << lane,
              format("local %s of %u bytes at offset %lld, the thread has %u bytes", what, bytes,
                     static_cast<long long>(offset), w.local_stride));
}

// --- Shared memory: wavefronts
// -------------------------------------------------------------------------------------------

namespace {

// One phase whose lanes do not all hit different banks. A granule is what one lane touches, at
// least a word.
void count_conflicts(cuemu_shared_traffic& traffic, const uint32_t* granule, uint32_t lanes,
                     unsigned banks, unsigned words) {
  uint32_t seen[32];
  unsigned distinct = 0;
  unsigned in_bank[32] = {};
  unsigned worst = 0;
  each_lane(lanes, [&](unsigned l) {
    const uint32_t g = granule[l];
    for (unsigned i = 0; i < distinct; ++i)
      if (seen[i] == g) return;
    seen[distinct++] = g;
    worst = std::max(worst, ++in_bank[g & (banks - 1)]);
  });
  traffic.wavefronts += worst;
  traffic.ideal_wavefronts += (distinct * words + 31) / 32;
}

}  // namespace

void count_shared(cuemu_shared_traffic& traffic, uint32_t mask, const uint32_t* offset,
                  unsigned bytes) {
  ++traffic.instructions;
  const unsigned granule_bytes = std::max(bytes, 4u), words = granule_bytes / 4;
  const unsigned shift = static_cast<unsigned>(std::countr_zero(granule_bytes));
  const unsigned banks = 32 / words;  // of a granule's width, and lanes of a phase
  uint32_t granule[32], bit[32];
  for (uint32_t l = 0; l < 32; ++l) {
    granule[l] = offset[l] >> shift;
    bit[l] = (mask >> l & 1) << (granule[l] & (banks - 1));
  }
  for (unsigned phase = 0; phase < 32; phase += banks) {
    const uint32_t lanes = mask & (banks == 32 ? kAllLanes : ((1u << banks) - 1) << phase);
    if (lanes == 0) continue;
    uint32_t hit = 0;
    for (unsigned l = phase; l < phase + banks; ++l) hit |= bit[l];
    if (std::popcount(hit) == std::popcount(lanes)) {
      ++traffic.wavefronts;
      ++traffic.ideal_wavefronts;
    } else {
      count_conflicts(traffic, granule, lanes, banks, words);
    }
  }
}

// --- Global memory: sectors
// ----------------------------------------------------------------------------------------------

namespace {

// Marks a region's sectors as touched, a word of its map at a time.
class Marks {
 public:
  Marks(Worker& worker, bool write, const Region& region)
      : worker_(worker),
        map_(write ? region.written : region.read),
        origin_(region.base >> kSectorShift) {}

  // Runs come in ascending order.
  void add(uint64_t first, uint64_t last) {
    first -= origin_;
    last -= origin_;
    while (first <= last) {
      const uint64_t end = std::min(last, first | 63);
      if (first / 64 != word_) flush(first / 64);
      bits_ |= (~uint64_t{0} >> (63 - (end - first))) << (first & 63);
      first = end + 1;
    }
  }
  // Bytes of the sectors that no one had touched.
  uint64_t finish() {
    flush(0);
    return fresh_ << kSectorShift;
  }

 private:
  void flush(uint64_t next) {
    if (bits_ != 0) fresh_ += map_.mark(word_, bits_, worker_.dirtied);
    word_ = next;
    bits_ = 0;
  }

  Worker& worker_;
  SectorMap& map_;
  uint64_t origin_, word_ = 0, bits_ = 0, fresh_ = 0;
};

bool ascends(const uint64_t* address) {
  uint32_t falls = 0;
  for (uint32_t l = 1; l < 32; ++l) falls |= static_cast<uint32_t>(address[l] < address[l - 1]);
  return falls == 0;
}

// In one region; addresses ascend.
void count_in_region(Worker& worker, cuemu_global_traffic& traffic, bool write,
                     const Region& region, const uint64_t* address, unsigned bytes) {
  uint32_t distinct = 1, sectors = 1, runs = 1;  // bits of the lanes that begin one
  for (uint32_t l = 1; l < 32; ++l) {
    const uint64_t gap = (address[l] >> kSectorShift) - (address[l - 1] >> kSectorShift);
    distinct |= static_cast<uint32_t>(address[l] != address[l - 1]) << l;
    sectors |= static_cast<uint32_t>(gap != 0) << l;
    runs |= static_cast<uint32_t>(gap > 1) << l;
  }
  traffic.sectors += static_cast<unsigned>(std::popcount(sectors));
  traffic.ideal_sectors +=
      (uint64_t{static_cast<unsigned>(std::popcount(distinct))} * bytes + 31) / 32;
  Marks marks(worker, write, region);
  for (uint32_t rest = runs; rest != 0;) {
    const unsigned begin = first_lane(rest);
    rest &= rest - 1;
    const unsigned end = rest != 0 ? first_lane(rest) : 32;
    marks.add(address[begin] >> kSectorShift, address[end - 1] >> kSectorShift);
  }
  traffic.unique_bytes += marks.finish();
}

// In several regions; addresses ascend.
void count_in_regions(Worker& worker, cuemu_global_traffic& traffic, bool write,
                      const uint64_t* address, unsigned bytes) {
  unsigned distinct = 0;
  for (uint32_t l = 0; l < 32; ++l) {
    if (l > 0 && address[l] == address[l - 1]) continue;
    ++distinct;
    const uint64_t sector = address[l] >> kSectorShift;
    if (l > 0 && sector == address[l - 1] >> kSectorShift) continue;
    ++traffic.sectors;
    const Region* r = worker.regions->find(address[l]);
    if (r == nullptr) continue;
    Marks marks(worker, write, *r);
    marks.add(sector, sector);
    traffic.unique_bytes += marks.finish();
  }
  traffic.ideal_sectors += (uint64_t{distinct} * bytes + 31) / 32;
}

}  // namespace

void count_global(Worker& worker, bool write, const Region* region, uint32_t mask,
                  const uint64_t* address, unsigned bytes) {
  cuemu_global_traffic& traffic =
      write ? worker.counters.global_store : worker.counters.global_load;
  ++traffic.instructions;
  traffic.bytes += uint64_t{bytes} * static_cast<unsigned>(std::popcount(mask));
  if (region != nullptr && mask == kAllLanes && is_contiguous(address, bytes)) {
    const uint64_t first = address[0] >> kSectorShift;
    const uint64_t last = (address[31] + bytes - 1) >> kSectorShift;
    traffic.sectors += last - first + 1;
    traffic.ideal_sectors += bytes;
    Marks marks(worker, write, *region);
    marks.add(first, last);
    traffic.unique_bytes += marks.finish();
    return;
  }
  alignas(64) uint64_t sorted[32];
  if (!ascends(address)) {
    std::copy_n(address, 32, sorted);
    std::sort(sorted, sorted + 32);
    address = sorted;
  }
  if (region != nullptr)
    count_in_region(worker, traffic, write, *region, address, bytes);
  else
    count_in_regions(worker, traffic, write, address, bytes);
}

void count_bulk(Worker& worker, bool write, const std::vector<CopyPiece>& pieces) {
  struct Run {
    uint64_t first, last;  // sectors
  };
  static thread_local std::vector<Run> runs;
  runs.clear();
  for (const CopyPiece& p : pieces) {
    if (p.global == 0) continue;
    const Run r{p.global >> kSectorShift, (p.global + p.bytes - 1) >> kSectorShift};
    if (!runs.empty() && r.first >= runs.back().first && r.first <= runs.back().last + 1)
      runs.back().last = std::max(runs.back().last, r.last);
    else
      runs.push_back(r);
  }
  const auto ascending = [](const Run& a, const Run& b) { return a.first < b.first; };
  if (!std::is_sorted(runs.begin(), runs.end(), ascending))
    std::sort(runs.begin(), runs.end(), ascending);
  cuemu_global_traffic& traffic =
      write ? worker.counters.global_store : worker.counters.global_load;
  uint64_t counted = 0;  // sectors below are
  const Region* region = nullptr;
  for (const Run& r : runs) {
    const uint64_t first = std::max(r.first, counted);
    if (first > r.last) continue;
    counted = r.last + 1;
    worker.counters.tma_global_sectors += r.last - first + 1;
    const uint64_t address = first << kSectorShift;
    if (region == nullptr || !region->holds(address, address + 1))
      region = worker.regions->find(address);
    if (region == nullptr) continue;
    Marks marks(worker, write, *region);
    marks.add(first, r.last);
    traffic.unique_bytes += marks.finish();
  }
}

void fault_barrier_store(const Warp& w, const Instr& in, uint32_t mask, const uint32_t* offset,
                         unsigned bytes) {
  raise_fault(w, in, "barrier-misuse", mask,
              format("a store of %u bytes at shared byte %u, where there is an mbarrier", bytes,
                     offset[first_lane(mask)]));
}

}  // namespace cuemu
