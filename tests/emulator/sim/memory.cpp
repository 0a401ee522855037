// SPDX-License-Identifier: MIT
#include "memory.hpp"

#include <algorithm>
#include <iterator>
#include <mutex>

namespace cuemu {
namespace {

struct Registry {
  std::mutex mutex;
  std::shared_ptr<const RegionTable> table = std::make_shared<RegionTable>();
};

// Never destroyed: host code may free device memory from its own static destructors.
Registry& registry() {
  static Registry& r = *new Registry;
  return r;
}

uint64_t to_address(const void* p) {
  return reinterpret_cast<uint64_t>(p);
}

bool by_base(const std::shared_ptr<const Region>& r, uint64_t address) {
  return r->base <= address;
}

}  // namespace

void SectorChunk::clear() {
  for (auto& word : words) word.store(0, std::memory_order_relaxed);
  dirty.store(false, std::memory_order_relaxed);
}

SectorMap::SectorMap(uint64_t sectors)
    : chunks_((sectors + SectorChunk::kSectors - 1) / SectorChunk::kSectors) {}

SectorMap::~SectorMap() {
  for (auto& c : chunks_) delete c.load();
}

SectorChunk& SectorMap::chunk(uint64_t index, std::vector<SectorChunk*>& dirtied) {
  SectorChunk* c = chunks_[index].load(std::memory_order_acquire);
  if (c == nullptr) {
    auto fresh = std::make_unique<SectorChunk>();
    if (chunks_[index].compare_exchange_strong(c, fresh.get(), std::memory_order_acq_rel))
      c = fresh.release();
  }
  if (!c->dirty.load(std::memory_order_relaxed) && !c->dirty.exchange(true)) dirtied.push_back(c);
  return *c;
}

bool SectorMap::is_marked(uint64_t first, uint64_t last) const {
  for (uint64_t sector = first; sector <= last;) {
    const SectorChunk* const c =
        chunks_[sector / SectorChunk::kSectors].load(std::memory_order_acquire);
    const uint64_t end = std::min(last, sector | 63), in_chunk = sector % SectorChunk::kSectors;
    const uint64_t bits = (~uint64_t{0} >> (63 - (end - sector))) << (sector & 63);
    if (c != nullptr && (c->words[in_chunk / 64].load(std::memory_order_relaxed) & bits) != 0)
      return true;
    sector = end + 1;
  }
  return false;
}

Region::Region(uint64_t base_address, uint64_t bytes, MemoryKind what, int of_device)
    : base(base_address),
      end(base_address + bytes),
      kind(what),
      device(of_device),
      read(((end + 31) >> kSectorShift) - (base >> kSectorShift) + 1),
      written(((end + 31) >> kSectorShift) - (base >> kSectorShift) + 1),
      read_before(((end + 31) >> kSectorShift) - (base >> kSectorShift) + 1),
      written_before(((end + 31) >> kSectorShift) - (base >> kSectorShift) + 1) {}

const Region* RegionTable::find(uint64_t address) const {
  auto it = std::partition_point(regions.begin(), regions.end(),
                                 [&](const auto& r) { return by_base(r, address); });
  if (it == regions.begin()) return nullptr;
  const Region* r = std::prev(it)->get();
  return address < r->end ? r : nullptr;
}

const Region* RegionTable::nearest(uint64_t address) const {
  const Region* best = nullptr;
  uint64_t distance = ~uint64_t{0};
  for (const auto& r : regions) {
    const uint64_t d = address < r->base ? r->base - address : address - r->end;
    if (d < distance) {
      distance = d;
      best = r.get();
    }
  }
  return best;
}

std::shared_ptr<const RegionTable> current_regions() {
  std::lock_guard lock(registry().mutex);
  return registry().table;
}

std::shared_ptr<const RegionTable> regions_visible_to(int device) {
  std::shared_ptr<const RegionTable> all = current_regions();
  const auto visible = [&](const auto& r) { return r->is_visible_to(device); };
  if (std::all_of(all->regions.begin(), all->regions.end(), visible)) return all;
  auto table = std::make_shared<RegionTable>();
  std::copy_if(all->regions.begin(), all->regions.end(), std::back_inserter(table->regions),
               visible);
  return table;
}

void register_memory(void* base, size_t size, MemoryKind kind, int device) {
  if (size == 0) return;
  auto region = std::make_shared<const Region>(to_address(base), size, kind, device);
  std::lock_guard lock(registry().mutex);
  auto table = std::make_shared<RegionTable>(*registry().table);
  auto it = std::partition_point(table->regions.begin(), table->regions.end(),
                                 [&](const auto& r) { return by_base(r, to_address(base)); });
  table->regions.insert(it, std::move(region));
  registry().table = std::move(table);
}

void unregister_memory(void* base) {
  std::lock_guard lock(registry().mutex);
  auto table = std::make_shared<RegionTable>(*registry().table);
  std::erase_if(table->regions, [&](const auto& r) { return r->base == to_address(base); });
  registry().table = std::move(table);
}

std::optional<MemoryRange> find_memory(const void* address) {
  const std::shared_ptr<const RegionTable> table = current_regions();
  const Region* r = table->find(to_address(address));
  if (r == nullptr) return std::nullopt;
  return MemoryRange{reinterpret_cast<std::byte*>(r->base), r->end - r->base, r->kind, r->device};
}

}  // namespace cuemu
