// SPDX-License-Identifier: MIT
// How often to time: until every median is known well enough, or the time is over.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "harness/time/statistics.hpp"

namespace foldconv::harness {

struct RepetitionLimits {
  double seconds = 1;          // of the clock, for all elements together
  double uncertainty = 0.005;  // of each median: settled
  // Below `fewest` samples nothing counts as settled and no time limit holds: a median of less
  // says nothing. Settled needs `enough`, so that a lucky start is not taken for a quiet machine.
  std::size_t fewest = 5, enough = 15, most = 2000;
};

using Samples = std::vector<std::vector<double>>;  // seconds: of each element, one a round
using Clock = std::function<double()>;             // seconds

// Appends one or more samples to each element, to all of them as many.
using TimeRounds = std::function<void(Samples&)>;

// Repeats until every element is settled or a limit is reached. Throws what `rounds` throws, and
// Error (cuda_error) where it brings no samples.
std::vector<Timing> repeat(std::size_t elements, const RepetitionLimits& limits,
                           const TimeRounds& rounds, const Clock& clock);

}  // namespace foldconv::harness
