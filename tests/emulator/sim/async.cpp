// SPDX-License-Identifier: MIT
#include "async.hpp"

#include <algorithm>
#include <cstring>

#include "checks.hpp"
#include "warp.hpp"

namespace cuemu {
namespace {

void land(Warp& warp, AsyncCopy& copy, uint32_t mask) {
  Cta& cta = *warp.cta;
  each_lane(mask, [&](unsigned lane) {
    std::byte* to = cta.shared + copy.to[lane];
    if (!copy.landed) {
      const uint32_t present = copy.present[lane];
      if (present == 16) {
        std::memcpy(to, reinterpret_cast<const void*>(copy.from[lane]), 16);
      } else {
        std::memset(to, 0, copy.bytes);
        if (present != 0) std::memcpy(to, reinterpret_cast<const void*>(copy.from[lane]), present);
      }
    }
  });
  if (cta.checks != nullptr)
    cta.checks->copy_landed(warp, *copy.instr, mask, copy.to.data(), copy.bytes);
  copy.mask &= ~mask;
}

}  // namespace

void AsyncCopies::reset() {
  committed_.fill(0);
  copies_.clear();
  first_ = 0;
}

void AsyncCopies::issue(const AsyncCopy& copy) {
  for (uint32_t rest = copy.mask; rest != 0;) {
    const uint32_t group = committed_[first_lane(rest)];
    uint32_t same = 0;
    for (uint32_t lane = 0; lane < 32; ++lane)
      same |= static_cast<uint32_t>(committed_[lane] == group) << lane;
    same &= rest;
    rest &= ~same;
    copies_.push_back(copy);
    copies_.back().mask = same;
    copies_.back().group = group;
  }
}

void AsyncCopies::commit(uint32_t mask) {
  for (uint32_t lane = 0; lane < 32; ++lane) committed_[lane] += mask >> lane & 1;
}

void AsyncCopies::wait(Warp& warp, uint32_t mask, uint32_t pending) {
  for (size_t i = first_; i < copies_.size(); ++i) {
    AsyncCopy& copy = copies_[i];
    uint32_t due = 0;
    for (uint32_t lane = 0; lane < 32; ++lane) {
      const bool is_due = pending == kWaitAll || copy.group + uint64_t{pending} < committed_[lane];
      due |= static_cast<uint32_t>(is_due) << lane;
    }
    due &= copy.mask & mask;
    if (due != 0) land(warp, copy, due);
  }
  while (first_ < copies_.size() && copies_[first_].mask == 0) ++first_;
  if (first_ < copies_.size() / 2) return;
  copies_.erase(copies_.begin(), copies_.begin() + static_cast<std::ptrdiff_t>(first_));
  first_ = 0;
}

void AsyncCopies::issue_and_land(Warp& warp, const AsyncCopy& copy) {
  AsyncCopy now = copy;
  SharedChecks* const checks = warp.cta->checks;
  warp.cta->checks = nullptr;
  land(warp, now, now.mask);
  warp.cta->checks = checks;
  if (checks == nullptr) return;
  now.mask = copy.mask;
  now.landed = true;
  issue(now);
}

}  // namespace cuemu
