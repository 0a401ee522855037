// SPDX-License-Identifier: MIT
// What validate finds out about a problem.
#pragma once

#include <functional>
#include <optional>
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
  // Of kernels that are compared: the one before it whose bits it has or not, and whether it must have them.
  std::string beside = {};
  std::optional<bool> same_bits = {};
  bool same_promised = false;

  bool pass() const {
    const bool keeps_promise = !same_promised || same_bits.value_or(true);
    return verdict.pass && repeatable && batch_invariant && in_bounds && keeps_promise;
  }
};

// Two runs of a way, and the same with an image more.
struct Runs {
  harness::Checked first, second, larger;
};
// `images`, `larger`: of y. The larger batch begins with the images of the smaller one.
Finding find(const Runs& runs, const harness::Images& images, const harness::Images& larger);

using Notice = std::function<void(const std::string& what)>;  // told what is being done

// chain, whole, tails and planned of blocks, planned of a layer. Throws whatever keeps the problem
// from running; a cut that does not take the blocks is no error.
std::vector<Finding> examine(const harness::Problem& problem, const Notice& doing);

// A layer by each of these kernels. One that does not take it is no error.
std::vector<Finding> examine_kernels(const harness::Problem& problem,
                                     const std::vector<std::string>& kernels, const Notice& doing);

// What a kernel computed.
struct Computed {
  Finding* finding;
  harness::Bytes y;
};
// Kernels that sum in one order must have the same bits: each is compared with the first of its order, and that one
// with the first of all.
void compare_bits(const harness::Images& images, const std::vector<Computed>& computed);

}  // namespace foldconv::tool
