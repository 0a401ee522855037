// SPDX-License-Identifier: MIT
// Which of several launches that compute the same is the best.
#pragma once

#include <cstddef>
#include <span>

#include "foldconv/cost.hpp"

namespace foldconv::host {

// How full a launch makes the SMs, by the fullest one's tiles: 1 where all have as many. 0: not known.
double fill_of(const LaunchCost& cost, const DeviceSpeed& speed);

// Of one or more costs the number of the one with the least floor time. Of equal ones, which are bound by DRAM mostly, the
// one that fills the SMs best; of these the one that would be fastest with its tensors in L2 already; of these the first.
std::size_t best_of(std::span<const LaunchCost> costs, const DeviceSpeed& speed);

// Whether the time depends on how many CTAs an SM runs at a time. Only then is it worth asking the device.
bool depends_on_residence(LaunchCost cost, const DeviceSpeed& speed);

}  // namespace foldconv::host
