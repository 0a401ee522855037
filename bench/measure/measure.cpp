// SPDX-License-Identifier: MIT
#include "measure/measure.hpp"

#include <cuemu.h>

#include <utility>

namespace foldconv::tool {
namespace {

// Adds what was counted since the counters were reset.
void add_counters(Traffic& traffic) {
  cuemu_counters counters{};
  if (cuemu_read_counters(&counters) == 0) return;
  traffic.launches += counters.launches;
  traffic.dram_bytes += counters.global_load.unique_bytes + counters.global_store.unique_bytes;
  traffic.mma_instructions += counters.mma_instructions;
  traffic.mma_flops += counters.mma_flops;
  traffic.fma_flops += counters.fma_flops;
  for (const cuemu_shared_traffic& shared :
       {counters.shared_load, counters.shared_store, counters.ldmatrix, counters.stmatrix,
        counters.async_copy}) {
    traffic.shared_wavefronts += shared.wavefronts;
    traffic.ideal_shared_wavefronts += shared.ideal_wavefronts;
  }
}

// What cannot be captured goes without times, so that the others keep theirs.
void time_on_gpu(const harness::TimingOptions& options, std::vector<Measured>& measured) {
  std::vector<harness::Launch> work;
  std::vector<Measured*> timed;
  for (Measured& one : measured) {
    if (!one.right()) continue;
    harness::Launch launches = [&one](cudaStream_t stream) {
      for (const harness::Step& step : one.way.steps) step.launch(stream);
    };
    one.untimed = harness::why_not_captured(launches);
    if (!one.untimed.empty()) continue;
    timed.push_back(&one);
    work.push_back(std::move(launches));
  }
  if (work.empty()) return;
  const std::vector<harness::Timings> timings = harness::time_interleaved(work, options);
  for (std::size_t i = 0; i < timed.size(); ++i) timed[i]->timings = timings[i];
}

}  // namespace

std::vector<Measured> measure(std::vector<harness::Way> ways, const MeasureOptions& options) {
  std::vector<Measured> all;
  for (harness::Way& way : ways) {
    options.doing("checking " + way.name + " (" + way.kernels + ")");
    Measured& one = all.emplace_back(Measured{.way = std::move(way)});
    if (!one.way.refusal.empty()) continue;
    // The judge may launch kernels, too.
    const auto run_and_count = [&](const harness::Step& step) {
      cuemu_reset_counters();
      run_step(step);
      if (options.emulated) add_counters(one.traffic);
    };
    one.wrong = harness::check(one.way, {.run = run_and_count}).wrong;
    one.floor = options.emulated ? floor_of(one.way.costs(), options.roofs.model)
                                 : floor_of(one.way.work(), options.roofs);
  }
  if (options.emulated) return all;
  options.doing("timing");
  time_on_gpu(options.timing, all);
  return all;
}

}  // namespace foldconv::tool
