// SPDX-License-Identifier: MIT
#include "kernels/support/test_conv.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/problem_sizes.hpp"
#include "harness/problem/data.hpp"
#include "harness/ways/library.hpp"
#include "kernels/support/pitched_tensor.hpp"

namespace foldconv::kernel_tests {
TestConv make_conv(const ConvProblem& problem, const oracle::RawConv& raw,
                   ScalePlacement placement) {
  const FoldedConv folded =
      value_of(fold(harness::weights_of(problem, raw), harness::batch_norm_of(raw),
                    {.dtype = problem.dtype, .placement = placement}),
               "fold");
  TestConv test = {problem, harness::inputs_of(folded, raw.x, raw.residual),
                   value_of(Conv::create(folded), "Conv::create")};
  for (int i = 0; problem.gate && i < problem.n * problem.c; ++i)
    test.inputs.gate.push_back(static_cast<float>((i * 37 + 11) % 65) / 64);
  return test;
}

harness::Bytes run_bytes(const TestConv& test, const RunOptions& options) {
  ConvProblem p = test.problem;
  if (p.residual && options.in_place) p.pitch.residual = p.pitch.y;
  const ConvPlan plan =
      value_of(test.conv.plan(p, {.kernel = options.kernel, .instructions = options.instructions}),
               "Conv::plan");
  if (!options.kernel.empty()) {
    EXPECT_EQ(plan.explanation().kernel, options.kernel);
  }

  const harness::Bytes x_bytes = oracle::encode(p.dtype, test.inputs.x);
  const harness::Bytes residual_bytes = oracle::encode(p.dtype, test.inputs.residual);
  const harness::Bytes gate_bytes = oracle::encode(p.dtype, test.inputs.gate);
  const DeviceBuffer gate(gate_bytes, options.guards);
  const Shape y_shape = oracle::output_shape(p);
  const PitchedTensor x(p.dtype, p.input(), host::x_pitch(p), x_bytes, options.guards),
      y(p.dtype, y_shape, host::y_pitch(p), options.guards);
  const PitchedTensor residual(p.dtype, p.residual ? y_shape : Shape{0, 0, 0, p.k},
                               host::residual_pitch(p), residual_bytes, options.guards);
  const DeviceBuffer workspace(plan.workspace_bytes(), options.guards);
  if (p.residual && options.in_place) y.upload(residual_bytes);
  const void* added = options.in_place ? y.data() : residual.data();
  check(plan.run({.x = x.data(),
                  .residual = p.residual ? added : nullptr,
                  .y = y.data(),
                  .workspace = workspace.data(),
                  .workspace_bytes = workspace.bytes(),
                  .gate = p.gate ? gate.data() : nullptr}));
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
