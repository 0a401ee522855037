// SPDX-License-Identifier: MIT
#include "measure/measure.hpp"

#include <utility>

namespace foldconv::tool {
namespace {

Measured measure_untimed(const harness::Way& way, const MeasureOptions& options) {
  Measured measured{.way = way.name,
                    .kernels = way.kernels,
                    .launches = way.launches(),
                    .planned = way.planned,
                    .refusal = way.refusal,
                    .wrong = {},
                    .work = way.work(),
                    .traffic = {},
                    .floor = {},
                    .timings = {},
                    .untimed = {}};
  if (!way.refusal.empty()) return measured;
  const auto count = [&measured](const harness::Step& step) {
    const std::vector<Traffic> counted = count_launches(step.launch);
    measured.traffic.insert(measured.traffic.end(), counted.begin(), counted.end());
  };
  measured.wrong =
      options.emulated ? harness::check(way, {.run = count}).wrong : harness::check(way).wrong;
  measured.floor = options.emulated ? floor_of(way.costs(), options.roofs.model)
                                    : floor_of(measured.work, options.roofs);
  return measured;
}

// What cannot be captured goes without times, so that the others keep theirs.
void time_on_gpu(const std::vector<harness::Way>& ways, const harness::TimingOptions& options,
                 std::vector<Measured>& measured) {
  std::vector<harness::Launch> work;
  std::vector<Measured*> timed;
  for (std::size_t i = 0; i < ways.size(); ++i) {
    if (!measured[i].right()) continue;
    harness::Launch launches = launches_of(ways[i]);
    measured[i].untimed = harness::why_not_captured(launches);
    if (!measured[i].untimed.empty()) continue;
    timed.push_back(&measured[i]);
    work.push_back(std::move(launches));
  }
  if (work.empty()) return;
  const std::vector<harness::Timings> timings = harness::time_interleaved(work, options);
  for (std::size_t i = 0; i < timed.size(); ++i) timed[i]->timings = timings[i];
}

}  // namespace

Traffic Measured::total() const {
  Traffic sum;
  for (const Traffic& launch : traffic) sum += launch;
  return sum;
}

std::vector<Measured> measure(const std::vector<harness::Way>& ways,
                              const MeasureOptions& options) {
  std::vector<Measured> all;
  for (const harness::Way& way : ways) {
    if (options.doing) options.doing("checking " + way.name + " (" + way.kernels + ")");
    all.push_back(measure_untimed(way, options));
  }
  if (options.emulated) return all;
  if (options.doing) options.doing("timing");
  time_on_gpu(ways, options.timing, all);
  return all;
}

}  // namespace foldconv::tool
