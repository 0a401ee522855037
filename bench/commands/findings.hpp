// SPDX-License-Identifier: MIT
// What validate finds out about a problem.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "harness/problem/problem.hpp"
#include "harness/ways/way.hpp"

namespace foldconv::tool {

// Of a layer's kernel, or of one cut of a block.
struct Finding {
  std::string way = {};
  std::string kernels = {};  // separated by spaces
  std::string taken = {};    // planned: the cut that plan() took, of those that have rows
  std::string refusal = {};  // why this way cannot be taken; then nothing else is known
  std::string reason = {};   // why it does not pass
  bool ran = false;
  // Of the first run, by the oracle and the bits of the convolutions run one by one.
  harness::Verdict verdict = {.pass = false};
  bool repeatable = false;       // two runs, the same bits
  bool batch_invariant = false;  // with an image more, a copy of another one: the same bits
  bool in_bounds = false;        // nothing was written around its tensors

  bool pass() const { return verdict.pass && repeatable && batch_invariant && in_bounds; }
};

// Two runs of a way, and the same with an image more.
struct Runs {
  harness::Checked first, second, larger;
};
// `images`, `larger`: of y. The larger batch begins with the images of the smaller one.
Finding find(const Runs& runs, const harness::Images& images, const harness::Images& larger);

// chain, whole, tails and planned of blocks, planned of a layer. Throws whatever keeps the problem
// from running; a cut that does not take the blocks is no error.
std::vector<Finding> examine(const harness::Problem& problem,
                             const std::function<void(const std::string& what)>& doing);

}  // namespace foldconv::tool
