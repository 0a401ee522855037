// SPDX-License-Identifier: MIT
#include "harness/time/statistics.hpp"

#include <algorithm>
#include <cmath>

namespace foldconv::harness {

const char* to_string(Stop stop) {
  switch (stop) {
    case Stop::settled:
      return "settled";
    case Stop::time_limit:
      return "time limit";
    case Stop::sample_limit:
      return "sample limit";
  }
  return "unknown";
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  if (values.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

Timing summarize(const std::vector<double>& seconds) {
  Timing timing{.seconds = median(seconds), .samples = seconds.size()};
  if (!(timing.seconds > 0)) return timing;
  std::vector<double> deviations;
  for (const double value : seconds) deviations.push_back(std::abs(value - timing.seconds));
  timing.noise = median(std::move(deviations)) / timing.seconds;

  std::vector<double> sorted = seconds;
  std::ranges::sort(sorted);
  const auto count = static_cast<double>(sorted.size());
  const double half = 0.98 * std::sqrt(count);  // 1.96 binomial deviations, of sqrt(count) / 2 each
  const double first = std::max(std::floor(count / 2 - half) - 1, 0.0);
  const double last = std::min(std::ceil(count / 2 + half), count - 1);
  timing.uncertainty =
      (sorted[static_cast<std::size_t>(last)] - sorted[static_cast<std::size_t>(first)]) / 2 /
      timing.seconds;
  return timing;
}

}  // namespace foldconv::harness
