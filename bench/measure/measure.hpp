// Measures the implementations of a problem: checks each result, then times it on a GPU or counts
// what it did on the emulator.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "commands/options.hpp"
#include "compute/block_workload.hpp"
#include "compute/implementations.hpp"
#include "compute/workload.hpp"
#include "device.hpp"
#include "measure/model.hpp"
#include "measure/roofs.hpp"
#include "measure/timing.hpp"
#include "measure/work.hpp"
#include "report/progress.hpp"

namespace foldconv::tool {

// What is known of one implementation of one problem.
struct Measured {
  std::string implementation, kernel;
  std::size_t launches = 0;
  bool planned = false;          // what plan() takes by itself
  std::string refusal;           // why it cannot be run; then nothing below is known
  std::string wrong;             // why its result is wrong; empty: right
  Work work;                     // that its launches cannot avoid
  std::vector<Traffic> traffic;  // emulator: one for each launch
  Floor floor;          // GPU: of `work` by measured roofs; emulator: of `traffic` by the model
  Timings timings;      // GPU
  std::string untimed;  // GPU: why it has no times although it is right

  bool right() const { return refusal.empty() && wrong.empty(); }
  Traffic total() const;
};

// Runs the steps one by one and judges each by what it read; counts what each launch did where the
// emulator can tell. A wrong result is no error: it stands in measured.wrong, and the steps behind
// it are not run.
Status check(const Implementation& implementation, const Device& device, Measured& measured);

// `works`: of each implementation. Errors: whatever keeps one from running at all.
Result<std::vector<Measured>> measure(const std::vector<Implementation>& implementations,
                                      const std::vector<Work>& works, const Options& options,
                                      const Device& device, const Roofs& roofs, Progress& progress);

// Blocks: whole, tails, chain, perhaps planned, separate, and cuDNN's; or what options list.
Result<std::vector<Measured>> measure(const BlockWorkload& workload, const Options& options,
                                      const Device& device, const Roofs& roofs, Progress& progress);

// A layer: fused, chain, unfused and cuDNN's, in this order; or what options list.
Result<std::vector<Measured>> measure(const ConvProblem& problem, const Options& options,
                                      const Device& device, const Roofs& roofs, Progress& progress);

}  // namespace foldconv::tool
