// SPDX-License-Identifier: MIT
// What a set of timed samples says.
#pragma once

#include <cstddef>
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

}  // namespace foldconv::harness
