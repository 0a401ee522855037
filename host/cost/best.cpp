// SPDX-License-Identifier: MIT
#include "cost/best.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace foldconv::host {
namespace {

// But for what rounding may make of equal figures.
bool equal(double a, double b) {
  return std::abs(a - b) <= 1e-9 * std::abs(b);
}

}  // namespace

double fill_of(const LaunchCost& cost, const DeviceSpeed& speed) {
  if (cost.tiles <= 0) return 0;
  return cost.tiles / (std::ceil(cost.tiles / speed.multiprocessors) * speed.multiprocessors);
}

std::size_t best_of(std::span<const LaunchCost> costs, const DeviceSpeed& speed) {
  const auto key = [&](const LaunchCost& cost) {
    LaunchCost in_l2 = cost;
    in_l2.dram_bytes = 0;
    return std::array{floor_seconds(cost, speed), -fill_of(cost, speed),
                      floor_seconds(in_l2, speed)};
  };
  std::size_t best = 0;
  for (std::size_t i = 1; i < costs.size(); ++i) {
    const auto mine = key(costs[i]), least = key(costs[best]);
    const auto [a, b] = std::ranges::mismatch(mine, least, equal);
    if (a != mine.end() && *a < *b) best = i;
  }
  return best;
}

bool depends_on_residence(LaunchCost cost, const DeviceSpeed& speed) {
  cost.resident = 1;
  const double alone = floor_seconds(cost, speed);
  cost.resident = std::numeric_limits<int>::max();
  return floor_seconds(cost, speed) < alone;
}

}  // namespace foldconv::host
