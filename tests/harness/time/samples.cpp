// SPDX-License-Identifier: MIT
#include "harness/time/samples.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "harness/error.hpp"

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

std::vector<Timing> repeat(std::size_t elements, const RepetitionLimits& limits,
                           const TimeRounds& rounds, const Clock& clock) {
  std::vector<Timing> timings(elements);
  if (elements == 0) return timings;
  const double begin = clock();
  Samples samples(elements);
  for (;;) {
    const std::size_t before = samples.front().size();
    rounds(samples);
    const std::size_t count = samples.front().size();
    if (count <= before) throw Error(ErrorCode::cuda_error, "a timed round gave no samples");
    if (count < limits.fewest) continue;

    std::ranges::transform(samples, timings.begin(), summarize);
    const auto settled = [&](const Timing& timing) {
      return count >= limits.enough && timing.uncertainty <= limits.uncertainty;
    };
    const bool enough = count >= limits.most;
    if (!std::ranges::all_of(timings, settled) && !enough && clock() - begin < limits.seconds) {
      continue;
    }
    const Stop otherwise = enough ? Stop::sample_limit : Stop::time_limit;
    for (Timing& timing : timings) timing.stopped = settled(timing) ? Stop::settled : otherwise;
    return timings;
  }
}

}  // namespace foldconv::harness
