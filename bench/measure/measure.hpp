// SPDX-License-Identifier: MIT
// Measures the ways to compute a problem: checks each result, then times it on a GPU or counts what
// it did on the emulator.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "harness/time/timing.hpp"
#include "harness/ways/way.hpp"
#include "measure/roofs.hpp"

namespace foldconv::tool {

// What the emulator counted: sums over all launches of a way. Zeros on a GPU.
struct Traffic {
  std::uint64_t launches = 0;
  std::uint64_t dram_bytes = 0;
  std::uint64_t mma_instructions = 0;
  std::uint64_t mma_flops = 0;
  std::uint64_t fma_flops = 0;
  std::uint64_t shared_wavefronts = 0;
  std::uint64_t ideal_shared_wavefronts = 0;

  // 1: no bank conflicts; 0: no shared memory used.
  double wavefronts_over_ideal() const {
    if (ideal_shared_wavefronts == 0) return 0;
    return static_cast<double>(shared_wavefronts) / static_cast<double>(ideal_shared_wavefronts);
  }
};

// What is known of one way to compute one problem.
struct Measured {
  harness::Way way;        // with a refusal nothing below is known
  std::string wrong = {};  // why its result is wrong; empty: right
  Traffic traffic = {};    // emulator
  // GPU: of the work by measured roofs; emulator: the library's, of each launch.
  Floor floor = {};
  harness::Timings timings = {};  // GPU
  std::string untimed = {};       // GPU: why it has no times although it is right

  bool right() const { return way.refusal.empty() && wrong.empty(); }
};

struct MeasureOptions {
  harness::TimingOptions timing = {};  // GPU
  Roofs roofs = {};
  bool emulated = false;
  // Told what is being done.
  std::function<void(const std::string& what)> doing = [](const std::string&) {};
};

// Runs the steps of each way one by one and judges each by what it read. A wrong result is no error:
// it stands in `wrong`. Throws whatever keeps one from running at all.
std::vector<Measured> measure(std::vector<harness::Way> ways, const MeasureOptions& options);

}  // namespace foldconv::tool
