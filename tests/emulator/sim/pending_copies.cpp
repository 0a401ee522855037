// SPDX-License-Identifier: MIT
#include "pending_copies.hpp"

#include <cstring>

#include "access.hpp"
#include "checks.hpp"
#include "fault.hpp"
#include "previous_grid.hpp"
#include "warp.hpp"

namespace cuemu {
namespace {

bool comes_up(Worker& worker, unsigned one_in) {
  return worker.random() % one_in == 0;
}

template <class Body>
void each_destination(const Warp& warp, const BulkCopy& copy, Body body) {
  each_lane(copy.ctas, [&](unsigned rank) { body(warp.cta->cluster->ctas[rank]); });
}

// Nobody can rely on what is there until the copy has landed, so it is made to show: 0xFF bytes are NaN in every format.
void poison(const Warp& warp, const BulkCopy& copy) {
  each_destination(warp, copy, [&](Cta& cta) {
    for (const CopyPiece& p : copy.pieces)
      each_filled_run(p, copy.swizzle, [&](uint32_t offset, uint32_t, uint32_t bytes) {
        std::memset(cta.shared + offset, 0xFF, bytes);
      });
  });
}

void move(const Warp& warp, const BulkCopy& copy, Cta& to) {
  if (copy.direction == BulkCopy::Direction::to_cluster) {
    const CopyPiece& p = copy.pieces[0];
    const std::byte* from = copy.by_value ? copy.value.data() : warp.cta->shared + copy.source;
    std::memmove(to.shared + p.shared, from, p.bytes);
    return;
  }
  for (const CopyPiece& p : copy.pieces) {
    const auto* from = reinterpret_cast<const std::byte*>(p.global);
    if (from == nullptr)
      each_filled_run(p, copy.swizzle, [&](uint32_t offset, uint32_t, uint32_t bytes) {
        std::memset(to.shared + offset, 0, bytes);
      });
    else
      each_run(p, copy.swizzle, [&](uint32_t offset, uint32_t done, uint32_t bytes) {
        std::memcpy(to.shared + offset, from + done, bytes);
      });
  }
}

void land(const Warp& warp, const BulkCopy& copy, const Clocks& issue) {
  each_destination(warp, copy, [&](Cta& cta) {
    move(warp, copy, cta);
    if (cta.checks != nullptr) cta.checks->bulk_landed(warp, copy, issue);
    bytes_arrived(warp, *copy.in, copy.lane, cta, copy.barrier, copy.counted_bytes);
  });
}

uint64_t bytes_of(const BulkCopy& copy, bool outside) {
  uint64_t sum = 0;
  for (const CopyPiece& p : copy.pieces) sum += (p.global == 0) == outside ? p.bytes : 0;
  return sum;
}

void count(Warp& warp, const BulkCopy& copy) {
  cuemu_counters& c = *warp.counters;
  if (copy.direction == BulkCopy::Direction::to_global) {
    ++c.tma_stores;
    c.tma_store_bytes += bytes_of(copy, false);
    count_bulk(*warp.worker, true, copy.pieces);
  } else if (copy.direction == BulkCopy::Direction::to_shared) {
    const auto ctas = static_cast<unsigned>(std::popcount(copy.ctas));
    const uint64_t bytes = bytes_of(copy, false), filled = bytes_of(copy, true);
    ++c.tma_loads;
    c.tma_load_bytes += (bytes + filled) * ctas;
    c.tma_filled_bytes += filled * ctas;
    if (ctas > 1) c.multicast_bytes += (bytes + filled) * ctas;
    count_bulk(*warp.worker, false, copy.pieces);
  } else {
    ++c.cluster_accesses;
  }
}

}  // namespace

void issue_bulk_copy(Warp& warp, BulkCopy copy) {
  for (const CopyPiece& p : copy.pieces)
    if (p.global != 0)
      check_early_access(warp, *copy.in, copy.lane,
                         copy.direction == BulkCopy::Direction::to_global, p.global, p.bytes);
  count(warp, copy);
  if (copy.direction == BulkCopy::Direction::to_global)
    warp.stores.issue(warp, std::move(copy));
  else
    warp.worker->unit.copies.issue(warp, std::move(copy));
}

void commit_bulk_group(Warp& warp, uint32_t mask) {
  warp.stores.commit(mask);
}

void wait_bulk_group(Warp& warp, const Instr&, uint32_t mask, uint32_t pending, bool read) {
  warp.stores.wait(warp, mask, pending, read);
}

// --- Copies that complete at an mbarrier

void PendingCopies::issue(Warp& warp, BulkCopy copy) {
  Clocks clocks;
  each_destination(warp, copy, [&](Cta& cta) {
    if (cta.checks != nullptr) cta.checks->bulk_issued(warp, copy, clocks);
  });
  if (warp.worker->landing == Landing::eager) return land(warp, copy, clocks);
  poison(warp, copy);
  copies_.push_back({&warp, std::move(copy), std::move(clocks)});
}

void PendingCopies::issue_arrival(Warp& warp, const Instr& in, uint32_t lane, uint32_t barrier) {
  arrivals_.push_back({&warp, &in, lane, barrier});
  if (warp.worker->landing == Landing::eager) land_arrival(arrivals_.size() - 1);
}

void PendingCopies::land_copy(size_t index) {
  const Copy landing = std::move(copies_[index]);
  copies_.erase(copies_.begin() + static_cast<ptrdiff_t>(index));
  land(*landing.warp, landing.copy, landing.clocks);
}

void PendingCopies::land_arrival(size_t index) {
  const Arrival a = arrivals_[index];
  arrivals_.erase(arrivals_.begin() + static_cast<ptrdiff_t>(index));
  a.warp->async.wait(*a.warp, 1u << a.lane, kWaitAll);
  if (SharedChecks* const checks = a.warp->cta->checks)
    checks->mbarrier_arrived(*a.warp, a.barrier, false);
  arrive(*a.warp, *a.in, a.lane, *a.warp->cta,
         mbarrier_at(*a.warp, *a.in, a.lane, *a.warp->cta, a.barrier), 1);
}

bool PendingCopies::land_oldest() {
  if (!copies_.empty())
    land_copy(0);
  else if (!arrivals_.empty())
    land_arrival(0);
  else
    return false;
  return true;
}

void PendingCopies::finish() {
  if (copies_.empty()) return;
  const Copy& c = copies_.front();
  raise_fault(*c.warp, *c.copy.in, "unfinished-copy", 1u << c.copy.lane,
              "the block has ended, and nobody has waited for this copy");
}

void PendingCopies::land_at_random(Worker& worker) {
  if (!copies_.empty() && comes_up(worker, 2)) land_copy(worker.random() % copies_.size());
  if (!arrivals_.empty() && comes_up(worker, 2)) land_arrival(worker.random() % arrivals_.size());
}

void PendingCopies::land_arrivals_of(const Warp& warp, uint32_t mask) {
  for (size_t i = 0; i < arrivals_.size();) {
    if (arrivals_[i].warp == &warp && (mask >> arrivals_[i].lane & 1) != 0)
      land_arrival(i);
    else
      ++i;
  }
}

// --- Copies to global memory

void BulkStores::reset() {
  committed_.fill(0);
  stores_.clear();
}

void BulkStores::read(Warp& warp, Store& store) {
  if (store.is_read) return;
  store.is_read = true;
  uint64_t bytes = 0;
  for (const CopyPiece& p : store.copy.pieces) bytes += p.bytes;
  store.data.resize(bytes);
  std::byte* to = store.data.data();
  for (const CopyPiece& p : store.copy.pieces) {
    each_run(p, store.copy.swizzle, [&](uint32_t offset, uint32_t done, uint32_t run) {
      std::memcpy(to + done, warp.cta->shared + offset, run);
    });
    to += p.bytes;
  }
}

void BulkStores::write(Warp& warp, Store& store) {
  if (store.is_written) return;
  read(warp, store);
  store.is_written = true;
  const std::byte* from = store.data.data();
  for (const CopyPiece& p : store.copy.pieces) {
    auto* to = reinterpret_cast<std::byte*>(p.global);
    if (to != nullptr && store.copy.reduce == nullptr) std::memcpy(to, from, p.bytes);
    if (to != nullptr && store.copy.reduce != nullptr) store.copy.reduce(to, from, p.bytes);
    from += p.bytes;
  }
  store.data = {};
}

void BulkStores::issue(Warp& warp, BulkCopy copy) {
  Store& s = stores_.emplace_back();
  s.group = committed_[copy.lane];
  s.copy = std::move(copy);
  if (warp.cta->checks != nullptr) s.clock = warp.cta->checks->bulk_store_issued(warp, s.copy);
  if (warp.worker->landing == Landing::eager) write(warp, s);
}

void BulkStores::commit(uint32_t mask) {
  each_lane(mask, [&](unsigned lane) { ++committed_[lane]; });
}

void BulkStores::wait(Warp& warp, uint32_t mask, uint32_t pending, bool only_read) {
  for (Store& s : stores_) {
    if ((mask >> s.copy.lane & 1) == 0 || s.group + uint64_t{pending} >= committed_[s.copy.lane])
      continue;
    only_read ? read(warp, s) : write(warp, s);
    s.awaited = true;
    if (warp.cta->checks != nullptr)
      warp.cta->checks->bulk_source_released(warp, s.copy.lane, s.clock);
    if (warp.cta->checks != nullptr && !only_read)
      warp.cta->checks->bulk_store_completed(warp, s.copy.lane, s.clock);
  }
  std::erase_if(stores_, [](const Store& s) { return s.awaited && s.is_written; });
}

void BulkStores::act_at_random(Warp& warp) {
  if (stores_.empty() || !comes_up(*warp.worker, 2)) return;
  Store& s = stores_[warp.worker->random() % stores_.size()];
  s.is_read ? write(warp, s) : read(warp, s);
}

void BulkStores::finish(Warp& warp) {
  for (Store& s : stores_) {
    if (!s.awaited)
      raise_fault(
          warp, *s.copy.in, "unfinished-copy", 1u << s.copy.lane,
          "the block has ended, and nobody has waited until this copy had read its shared memory "
          "(cp.async.bulk.wait_group.read)");
    write(warp, s);
  }
  stores_.clear();
}

}  // namespace cuemu
