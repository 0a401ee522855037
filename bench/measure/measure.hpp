// SPDX-License-Identifier: MIT
// Measures the ways to compute a problem: checks each result, then times it on a GPU or counts what
// it did on the emulator.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "harness/device/machine.hpp"
#include "harness/time/timing.hpp"
#include "harness/ways/way.hpp"
#include "measure/model.hpp"
#include "measure/roofs.hpp"

namespace foldconv::tool {

// What is known of one way to compute one problem.
struct Measured {
  std::string way, kernels;
  std::size_t launches = 0;
  bool planned = false;          // what plan() takes by itself
  std::string refusal;           // why it cannot be run; then nothing below is known
  std::string wrong;             // why its result is wrong; empty: right
  harness::Work work;            // that its launches cannot avoid
  double planner_floor_us = 0;   // the planner's own floor; 0: it has none
  std::vector<Traffic> traffic;  // emulator: one for each launch
  Floor floor;  // GPU: of `work` by measured roofs; emulator: of `traffic` by the model
  harness::Timings timings;  // GPU
  std::string untimed;       // GPU: why it has no times although it is right

  bool right() const { return refusal.empty() && wrong.empty(); }
  Traffic total() const;
};

struct MeasureOptions {
  harness::TimingOptions timing;  // GPU
  Roofs roofs;                    // GPU: measured
  const GpuModel* model;          // emulator
  bool emulated = false;
  std::function<void(const std::string& what)> doing;  // told what is being done
};

// Runs the steps of each way one by one and judges each by what it read. A wrong result is no error:
// it stands in `wrong`. Throws whatever keeps one from running at all.
std::vector<Measured> measure(const std::vector<harness::Way>& ways, const MeasureOptions& options);

}  // namespace foldconv::tool
