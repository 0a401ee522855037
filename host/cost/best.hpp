// SPDX-License-Identifier: MIT
// Which of several launches that compute the same is the best.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "foldconv/cost.hpp"

namespace foldconv::host {

// Floor times that differ by less are the same: the model knows no more.
inline constexpr double kTimeTolerance = 1.01;

// How full a launch makes the SMs, by the fullest one's tiles: 1 where all have as many. 0: not known.
double fill_of(const LaunchCost& cost, const DeviceSpeed& speed);

// Which of one or more costs are within kTimeTolerance of the least floor time.
std::vector<std::size_t> least_of(std::span<const LaunchCost> costs, const DeviceSpeed& speed);

// Of these the number of the best one: first those that fill the SMs to nine tenths; then those whose SMs have a second
// CTA to run while one waits, begins or ends; then the one with the least sum of all terms, for terms do not overlap
// quite; of equal ones the first.
std::size_t best_of(std::span<const LaunchCost> costs, const DeviceSpeed& speed);

// Whether the time depends on how many CTAs an SM runs at a time. Only then is it worth asking the device.
bool depends_on_residence(LaunchCost cost, const DeviceSpeed& speed);

}  // namespace foldconv::host
