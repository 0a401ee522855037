// SPDX-License-Identifier: MIT
// What a set of timed samples says, and how many to take: until every median is known well enough, or
// the time is over.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

namespace foldconv::harness {

// Why no more samples were taken.
enum class Stop {
  settled,       // the median is known as well as asked for
  time_limit,    // the time of the problem was over before
  sample_limit,  // as many samples as are ever taken
};
const char* to_string(Stop stop);

struct Timing {
  double seconds = 0;  // median
  double noise = 0;    // median absolute deviation / median: more samples do not lessen it
  // Half the 95 % confidence interval of the median / median: more samples do. By ranks, so that
  // it holds for any distribution: times of two clocks have no median deviation, but two medians.
  double uncertainty = 0;
  std::size_t samples = 0;
  Stop stopped = Stop::settled;
};

// The mean of the two in the middle where their number is even. Requires at least one value.
double median(std::vector<double> values);

// Requires at least one sample.
Timing summarize(std::vector<double> seconds);

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
