// SPDX-License-Identifier: MIT
#include "clocks.hpp"

#include <algorithm>

#include "fault.hpp"

namespace cuemu {

void ClusterClocks::prepare(const Cluster& cluster, uint32_t warps_of_cta) {
  find_now();
  cluster_size_ = cluster.size;
  warps_of_cta_ = warps_of_cta;
  warps_ = cluster.size * warps_of_cta;
  known_.resize(warps_);
  proxy_fences_.resize(warps_);
  init_fences_.resize(warps_);
  fenced_.resize(warps_);
}

void ClusterClocks::find_now() {
  for (size_t w = 0; w < known_.size(); ++w)
    if (w < known_[w].size()) now_ = std::max(now_, known_[w][w]);
  for (Clock c : latest_) now_ = std::max(now_, c);
  ++now_;
  if (now_ < kHighest) return;
  now_ = 1;
  begins_anew_ = true;
}

void ClusterClocks::start() {
  find_now();
  latest_.clear();
  names_.clear();
  for (uint32_t w = 0; w < warps_; ++w) {
    known_[w].assign(warps_, now_);
    known_[w][w] = now_ + 1;
    proxy_fences_[w].clear();
    init_fences_[w].clear();
    fenced_[w].clear();
  }
  least_known_.assign(warps_, now_);
  known_by_all_ = now_;
  cluster_arriving_.clear();
  cluster_completed_.clear();
}

std::string ClusterClocks::name_of(uint32_t slot) const {
  if (slot >= warps_) return names_[slot - warps_];
  std::string name = format("warp %u", slot % warps_of_cta_);
  if (cluster_size_ > 1) name += format(" of rank %u", slot / warps_of_cta_);
  return name;
}

void ClusterClocks::join(Clocks& to, const Clocks& from) {
  if (to.size() < from.size()) to.resize(from.size(), 0);
  for (size_t i = 0; i < from.size(); ++i) to[i] = std::max(to[i], from[i]);
}

void ClusterClocks::release(uint32_t warp, Clocks& to, bool relaxed) {
  join(to, relaxed ? fenced_[warp] : known_[warp]);
  if (!relaxed) tick(warp);
}

void ClusterClocks::acquire(uint32_t warp, const Clocks& from) {
  Clocks& known = known_[warp];
  const Clock own = known[warp];
  join(known, from);
  known[warp] = own;
  least_known_[warp] = *std::min_element(known.begin(), known.end());
}

void ClusterClocks::acquire(uint32_t warp, uint32_t slot, Clock clock) {
  Clocks& known = known_[warp];
  known[slot] = std::max(known[slot], clock);
  least_known_[warp] = *std::min_element(known.begin(), known.end());
}

void ClusterClocks::find_known_by_all() {
  known_by_all_ = *std::min_element(least_known_.begin(), least_known_.end());
}

uint32_t ClusterClocks::add_agents(std::string name) {
  Clock begin = now_;
  for (uint32_t w = 0; w < warps_; ++w) begin = std::max(begin, known_[w][w]);
  for (Clocks& known : known_) known.push_back(begin);
  latest_.push_back(begin);
  names_.push_back(std::move(name));
  return static_cast<uint32_t>(warps_ + latest_.size() - 1);
}

void ClusterClocks::fence(uint32_t warp, uint32_t mask, Fence kind) {
  if (kind == Fence::of_global_proxy) return;
  fenced_[warp] = known_[warp];
  const FenceEvent event{known_[warp][warp], mask};
  if (kind == Fence::async_proxy) proxy_fences_[warp].push_back(event);
  if (kind != Fence::other) init_fences_[warp].push_back(event);
  tick(warp);
}

Clock ClusterClocks::fenced_until(uint32_t reader, uint32_t writer, uint32_t lanes,
                                  bool for_mbarrier) const {
  const std::vector<FenceEvent>& events = (for_mbarrier ? init_fences_ : proxy_fences_)[writer];
  const Clock known = known_[reader][writer];
  for (size_t i = events.size(); i-- > 0;) {
    if (events[i].at > known) continue;
    lanes &= ~events[i].lanes;
    if (lanes == 0) return events[i].at;
  }
  return 0;
}

}  // namespace cuemu
