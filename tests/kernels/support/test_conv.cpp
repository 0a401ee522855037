// SPDX-License-Identifier: MIT
#include "kernels/support/test_conv.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "harness/problem/data.hpp"
#include "harness/ways/library.hpp"

namespace foldconv::kernel_tests {
TestConv make_conv(const ConvProblem& problem, const oracle::RawConv& raw,
                   ScalePlacement placement) {
  const FoldedConv folded =
      value_of(fold(harness::weights_of(problem, raw), harness::batch_norm_of(raw),
                    {.dtype = problem.dtype, .placement = placement}),
               "fold");
  return {problem, harness::inputs_of(folded, raw.x, raw.residual),
          value_of(Conv::create(folded), "Conv::create")};
}

harness::Bytes run_bytes(const TestConv& test, const RunOptions& options) {
  const ConvProblem& p = test.problem;
  const ConvPlan plan =
      value_of(test.conv.plan(p, {.kernel = options.kernel, .instructions = options.instructions}),
               "Conv::plan");
  if (!options.kernel.empty()) {
    EXPECT_EQ(plan.explanation().kernel, options.kernel);
  }

  const harness::Bytes x_bytes = oracle::encode(p.dtype, test.inputs.x);
  const harness::Bytes residual_bytes = oracle::encode(p.dtype, test.inputs.residual);
  const DeviceBuffer x(x_bytes, options.guards), residual(residual_bytes, options.guards),
      y(harness::Images{p.dtype, oracle::output_shape(p)}.bytes(), options.guards),
      workspace(plan.workspace_bytes(), options.guards);
  const bool in_place = p.residual && options.in_place;
  if (in_place) y.upload(residual_bytes);
  harness::launch_of(plan, x, in_place ? &y : &residual, y, workspace)(nullptr);
  check(cudaDeviceSynchronize(), plan.explanation().kernel);
  EXPECT_TRUE(x.download() == x_bytes) << "x was changed by the kernel";
  EXPECT_TRUE(residual.download() == residual_bytes) << "residual was changed by the kernel";
  return y.download();
}

std::vector<float> run(const TestConv& test, const RunOptions& options) {
  return oracle::decode(test.problem.dtype, run_bytes(test, options));
}

bool takes(const TestConv& test, std::string_view kernel) {
  return test.conv.plan(test.problem, {.kernel = kernel}).ok();
}

void expect_exact(const TestConv& test, const oracle::Expected& expected,
                  const std::vector<float>& got) {
  ASSERT_EQ(got.size(), expected.y.size());
  const auto same = [&](float value, double y) {
    return static_cast<double>(value) == oracle::round_to_storage(test.problem.dtype, y);
  };
  const auto [at, wanted] = std::ranges::mismatch(got, expected.y, same);
  if (at == got.end()) return;
  const std::ptrdiff_t first = at - got.begin(), k = test.problem.k;
  ADD_FAILURE() << to_string(test.problem) << ": pixel " << first / k << " channel " << first % k
                << " is " << *at << " instead of " << *wanted;
}

void expect_within_bound(const TestConv& test, const oracle::Expected& expected,
                         const std::vector<float>& got) {
  const oracle::Comparison result = oracle::compare(got, expected);
  EXPECT_TRUE(result.pass) << to_string(test.problem) << ": " << result.to_string();
}

}  // namespace foldconv::kernel_tests
