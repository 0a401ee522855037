#include "measure/repetition.hpp"

#include <algorithm>

namespace foldconv::tool {
namespace {

std::vector<Timing> summaries(const Samples& samples) {
  std::vector<Timing> timings;
  for (const std::vector<double>& seconds : samples) timings.push_back(summarize(seconds));
  return timings;
}

}  // namespace

Result<std::vector<Timing>> repeat(std::size_t elements, const RepetitionLimits& limits,
                                   const TimeRounds& rounds, const Clock& clock) {
  if (elements == 0) return std::vector<Timing>();
  const double begin = clock();
  Samples samples(elements);
  for (;;) {
    const std::size_t before = samples.front().size();
    if (Status status = rounds(samples); !status) return status;
    const std::size_t count = samples.front().size();
    if (count <= before) return Status(ErrorCode::cuda_error, "a timed round gave no samples");
    if (count < limits.fewest) continue;

    std::vector<Timing> timings = summaries(samples);
    const auto settled = [&](const Timing& timing) {
      return count >= limits.enough && timing.uncertainty <= limits.uncertainty;
    };
    const bool all_settled = std::ranges::all_of(timings, settled);
    const bool enough = count >= limits.most;
    if (!all_settled && !enough && clock() - begin < limits.seconds) continue;
    const Stop otherwise = enough ? Stop::sample_limit : Stop::time_limit;
    for (Timing& timing : timings) timing.stopped = settled(timing) ? Stop::settled : otherwise;
    return timings;
  }
}

}  // namespace foldconv::tool
