// SPDX-License-Identifier: MIT
#include "harness/time/statistics.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace foldconv::harness {

const char* to_string(Stop stop) {
  constexpr const char* kNames[] = {"settled", "time limit", "sample limit"};
  return kNames[static_cast<std::size_t>(stop)];
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return (values[(values.size() - 1) / 2] + values[values.size() / 2]) / 2;
}

Timing summarize(std::vector<double> seconds) {
  std::ranges::sort(seconds);
  Timing timing{.seconds = median(seconds), .samples = seconds.size()};
  if (!(timing.seconds > 0)) return timing;
  const auto count = static_cast<double>(seconds.size());
  const double half = 0.98 * std::sqrt(count);  // 1.96 binomial deviations, of sqrt(count) / 2 each
  const auto first = static_cast<std::size_t>(std::max(std::floor(count / 2 - half) - 1, 0.0));
  const auto last = static_cast<std::size_t>(std::min(std::ceil(count / 2 + half), count - 1));
  timing.uncertainty = (seconds[last] - seconds[first]) / 2 / timing.seconds;
  for (double& value : seconds) value = std::abs(value - timing.seconds);
  timing.noise = median(std::move(seconds)) / timing.seconds;
  return timing;
}

}  // namespace foldconv::harness
