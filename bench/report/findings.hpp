// What validate finds out about a problem, and how it stands in the report.
#pragma once

#include <string>
#include <vector>

#include "commands/options.hpp"
#include "compute/block_reference.hpp"
#include "compute/judge.hpp"
#include "compute/run_once.hpp"
#include "foldconv/conv.hpp"
#include "report/progress.hpp"

namespace foldconv::tool {

// Of a layer's kernel, or of one cut of a block.
struct Finding {
  std::string cut;               // "" of a layer
  std::string kernels;           // separated by spaces
  std::string taken;             // planned: the cut that plan() took
  std::string refusal;           // why this cut cannot be taken; then nothing else is known
  Verdict verdict;               // of the first run
  bool repeatable = false;       // two runs, the same bits
  bool batch_invariant = false;  // alone, first and last in a larger batch: the same bits
  bool in_bounds = false;        // nothing was written around y

  bool pass() const { return verdict.pass && repeatable && batch_invariant && in_bounds; }
};

// Two runs of `images` images, and one with a copy of the first behind them.
struct Runs {
  Output first, second, larger;
};
void compare_runs(const Runs& runs, int images, Finding& finding);

// Errors: whatever keeps the problem from running.
Result<Finding> examine_layer(const ConvProblem& problem, const Options& options,
                              Progress& progress);

// The chain first, then whole, tails and planned (what plan() takes by itself). Errors as above;
// a cut that does not take the blocks is no error.
Result<std::vector<Finding>> examine_blocks(const BlockWorkload& workload, Progress& progress);

}  // namespace foldconv::tool
