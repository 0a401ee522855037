// SPDX-License-Identifier: MIT
#include "kernels/support/test_conv.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <utility>

#include "harness/problem/data.hpp"

namespace foldconv::kernel_tests {
namespace {

void expect_unchanged(const DeviceBuffer& buffer, const std::vector<std::byte>& content,
                      const char* name) {
  EXPECT_TRUE(buffer.download() == content) << name << " was changed by the kernel";
}

}  // namespace

TestConv make_conv(const ConvProblem& problem, const oracle::RawConv& raw,
                   ScalePlacement placement) {
  const FoldedConv folded =
      value_of(fold(harness::weights_of(problem, raw), harness::batch_norm_of(raw),
                    {.dtype = problem.dtype, .placement = placement}),
               "fold");
  return {problem, harness::inputs_of(folded, raw.x, raw.residual),
          value_of(Conv::create(folded), "Conv::create")};
}

TestConv make_conv(const ConvProblem& problem, const oracle::RawOptions& options,
                   ScalePlacement placement) {
  return make_conv(problem, oracle::make_raw(problem, options), placement);
}

std::vector<std::byte> run_bytes(const TestConv& test, const RunOptions& options) {
  const ConvProblem& problem = test.problem;
  const ConvPlan plan = value_of(test.conv.plan(problem, {.kernel = options.kernel}), "Conv::plan");
  if (!options.kernel.empty() && plan.explanation().kernel != options.kernel) {
    throw std::runtime_error("another kernel than the pinned one: " + plan.explanation().kernel);
  }

  const std::vector<std::byte> x_bytes = oracle::encode(problem.dtype, test.inputs.x);
  const std::vector<std::byte> residual_bytes = oracle::encode(problem.dtype, test.inputs.residual);
  const DeviceBuffer x(x_bytes, options.guards);
  const auto y_bytes =
      static_cast<std::size_t>(oracle::output_shape(problem).elements()) * size_of(problem.dtype);
  DeviceBuffer y(y_bytes, options.guards);
  std::unique_ptr<DeviceBuffer> residual, workspace;
  ConvBuffers buffers{.x = x.data(), .y = y.data()};
  if (problem.residual && options.in_place) {
    y.upload(residual_bytes);
    buffers.residual = y.data();
  } else if (problem.residual) {
    residual = std::make_unique<DeviceBuffer>(residual_bytes, options.guards);
    buffers.residual = residual->data();
  }
  if (plan.workspace_bytes() > 0) {
    workspace = std::make_unique<DeviceBuffer>(plan.workspace_bytes(), options.guards);
    buffers.workspace = workspace->data();
    buffers.workspace_bytes = workspace->bytes();
  }

  check(plan.run(buffers), "ConvPlan::run");
  check(cudaDeviceSynchronize(), plan.explanation().kernel);
  expect_unchanged(x, x_bytes, "x");
  if (residual) expect_unchanged(*residual, residual_bytes, "residual");
  return y.download();
}

std::vector<float> run(const TestConv& test, const RunOptions& options) {
  return oracle::decode(test.problem.dtype, run_bytes(test, options));
}

bool takes(const TestConv& test, std::string_view kernel) {
  return test.conv.plan(test.problem, {.kernel = kernel}).ok();
}

void expect_exact(const TestConv& test, const std::vector<float>& got) {
  const oracle::Expected expected = oracle::conv(test.problem, test.inputs);
  ASSERT_EQ(got.size(), expected.y.size());
  std::size_t wrong = 0, first = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double wanted = oracle::round_to_storage(test.problem.dtype, expected.y[i]);
    if (static_cast<double>(got[i]) == wanted) continue;
    if (wrong++ == 0) first = i;
  }
  if (wrong == 0) return;
  const auto k = static_cast<std::size_t>(test.problem.k);
  ADD_FAILURE() << to_string(test.problem) << ": " << wrong << " of " << got.size()
                << " elements differ; the first, pixel " << first / k << " channel " << first % k
                << ", is " << got[first] << " instead of " << expected.y[first];
}

void expect_within_bound(const TestConv& test, const std::vector<float>& got) {
  const oracle::Comparison result = oracle::compare(got, oracle::conv(test.problem, test.inputs));
  EXPECT_TRUE(result.pass) << to_string(test.problem) << ": " << result.to_string();
}

}  // namespace foldconv::kernel_tests
