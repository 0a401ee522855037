// SPDX-License-Identifier: MIT
// From what a launch costs to the time that it takes.
#include <algorithm>
#include <cmath>
#include <utility>

#include "foldconv/cost.hpp"

namespace foldconv {
const char* to_string(CostTerm term) noexcept {
  switch (term) {
    case CostTerm::dram:
      return "DRAM";
    case CostTerm::l2:
      return "L2";
    case CostTerm::tensor_cores:
      return "tensor cores";
    case CostTerm::fp32_units:
      return "fp32 units";
    case CostTerm::shared_memory:
      return "shared memory";
    case CostTerm::chain:
      return "dependent products";
    case CostTerm::launch:
      return "launch";
  }
  return "unknown";
}

CostTerms terms_of(const LaunchCost& cost, const DeviceSpeed& speed) {
  CostTerms terms = {.dram = cost.dram_bytes / speed.bytes_per_second,
                     .launch = speed.launch_seconds};
  if (cost.l2_bytes > 0) terms.l2 = cost.l2_bytes / speed.l2_bytes_per_second;
  if (cost.tiles > 0) {
    // An SM that runs r CTAs at a time takes r of each full wave of SMs x r tiles, and of the last one its share, rounded
    // up: floor(tiles / (SMs r)) r + ceil(rest / SMs), which is ceil(tiles / SMs) whatever r is.
    const double fullest = std::ceil(cost.tiles / speed.multiprocessors);
    const double share = fullest / cost.tiles;
    const double peak = !cost.tensor_cores ? speed.simt_flops_per_second
                        : cost.wgmma       ? speed.wgmma_flops_per_second
                                           : speed.flops_per_second;
    if (cost.executed_flops > 0)
      terms.units = cost.executed_flops * share * speed.multiprocessors / peak;
    if (cost.fp32_flops > 0)
      terms.fp32 = cost.fp32_flops * share * speed.multiprocessors / speed.simt_flops_per_second;
    if (cost.wavefronts > 0)
      terms.shared_memory = cost.wavefronts * share / speed.clocks_per_second;
    if (cost.chain > 0)
      terms.chain = std::ceil(fullest / cost.resident) * cost.chain * speed.product_clocks /
                    speed.clocks_per_second;
  }
  return terms;
}

double floor_seconds(const LaunchCost& cost, const DeviceSpeed& speed) {
  const CostTerms terms = terms_of(cost, speed);
  return std::max(
             {terms.dram, terms.l2, terms.units, terms.fp32, terms.shared_memory, terms.chain}) +
         terms.launch;
}

CostTerm limit_of(const LaunchCost& cost, const DeviceSpeed& speed) {
  const CostTerms terms = terms_of(cost, speed);
  const std::pair<double, CostTerm> all[] = {
      {terms.dram, CostTerm::dram},
      {terms.l2, CostTerm::l2},
      {terms.units, cost.tensor_cores ? CostTerm::tensor_cores : CostTerm::fp32_units},
      {terms.fp32, CostTerm::fp32_units},
      {terms.shared_memory, CostTerm::shared_memory},
      {terms.chain, CostTerm::chain},
      {terms.launch, CostTerm::launch}};
  return std::ranges::max_element(all, {}, [](const auto& term) { return term.first; })->second;
}

}  // namespace foldconv
