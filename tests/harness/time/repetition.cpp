// SPDX-License-Identifier: MIT
#include "harness/time/repetition.hpp"

#include <algorithm>

#include "harness/error.hpp"

namespace foldconv::harness {

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
