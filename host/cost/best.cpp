// SPDX-License-Identifier: MIT
#include "cost/best.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

namespace foldconv::host {
namespace {

// A second CTA beside the first one, if the fullest SM has more than one tile.
bool overlaps(const LaunchCost& cost, const DeviceSpeed& speed) {
  return cost.resident > 1 && cost.tiles > speed.multiprocessors;
}

double sum_of(const CostTerms& terms) {
  return terms.dram + terms.l2 + terms.units + terms.fp32 + terms.shared_memory + terms.chain;
}

}  // namespace

double fill_of(const LaunchCost& cost, const DeviceSpeed& speed) {
  if (cost.tiles <= 0) return 0;
  return cost.tiles / (std::ceil(cost.tiles / speed.multiprocessors) * speed.multiprocessors);
}

std::vector<std::size_t> least_of(std::span<const LaunchCost> costs, const DeviceSpeed& speed) {
  double least = std::numeric_limits<double>::infinity();
  for (const LaunchCost& cost : costs) least = std::min(least, floor_seconds(cost, speed));
  std::vector<std::size_t> near;
  for (std::size_t i = 0; i < costs.size(); ++i) {
    if (floor_seconds(costs[i], speed) <= least * kTimeTolerance) near.push_back(i);
  }
  return near;
}

std::size_t best_of(std::span<const LaunchCost> costs, const DeviceSpeed& speed) {
  constexpr double kFilled = 0.9;
  const auto key = [&](std::size_t i) {
    const LaunchCost& cost = costs[i];
    return std::tuple(fill_of(cost, speed) < kFilled, !overlaps(cost, speed),
                      sum_of(terms_of(cost, speed)));
  };
  return std::ranges::min(least_of(costs, speed), {}, key);
}

bool depends_on_residence(LaunchCost cost, const DeviceSpeed& speed) {
  cost.resident = 1;
  const double alone = floor_seconds(cost, speed);
  cost.resident = std::numeric_limits<int>::max();
  return floor_seconds(cost, speed) < alone;
}

}  // namespace foldconv::host
