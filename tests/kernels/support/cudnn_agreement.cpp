// SPDX-License-Identifier: MIT
#include "kernels/support/cudnn_agreement.hpp"

#include <gtest/gtest.h>

#include "harness/oracle/any_order.hpp"
#include "harness/problem/data.hpp"
#include "harness/ways/library.hpp"
#include "harness/ways/way.hpp"
#include "kernels/support/block_bound.hpp"

namespace foldconv::kernel_tests {
namespace {

oracle::Expected allowed_layer(const harness::Problem& problem) {
  const harness::LineConv& conv = problem.lines.front().convs.front();
  const oracle::ConvInputs inputs =
      harness::inputs_of(harness::folded(conv), problem.x, problem.residual);
  oracle::Expected allowed = oracle::conv_in_any_order(conv.problem, inputs);
  const oracle::Expected ours = oracle::conv(conv.problem, inputs);
  for (std::size_t i = 0; i < ours.bound.size(); ++i) allowed.bound[i] += ours.bound[i];
  return allowed;
}

// The bound is for our K order. cuDNN's is not known; errors of sums are a small part of the bound,
// which is that of the roundings between the convolutions.
oracle::Expected allowed_block(const harness::Problem& problem) {
  oracle::Expected allowed = expect_block(problem);
  for (double& bound : allowed.bound) bound *= 2;
  return allowed;
}

}  // namespace

oracle::Comparison compare_with_library(const Golden& golden, const std::string& way) {
  const harness::Problem& problem = golden.problem;
  harness::Tensors tensors(problem);
  const std::vector<harness::Way> ways =
      harness::make_ways(harness::foldconv_ways(), problem, tensors,
                         [&way](const std::string& name) { return name == way; });
  const harness::Checked checked = harness::check(ways.at(0), {.judged = false});
  EXPECT_EQ(checked.wrong, "") << golden.name;
  oracle::Expected allowed = problem.blocks ? allowed_block(problem) : allowed_layer(problem);
  allowed.y.assign(golden.y.begin(), golden.y.end());
  return oracle::compare(oracle::decode(problem.dtype(), checked.y), allowed);
}

void expect_agreement(const std::string& folder) {
  for (const Golden& golden : read_goldens(folder)) {
    for (const char* way : {"planned", "chain"}) {
      const oracle::Comparison result = compare_with_library(golden, way);
      EXPECT_TRUE(result.pass) << golden.name << " (" << golden.witness << "), " << way << ": "
                               << result.to_string();
      if (!golden.problem.blocks) break;  // a layer's chain is what is planned
    }
  }
}

}  // namespace foldconv::kernel_tests
