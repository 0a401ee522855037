// SPDX-License-Identifier: MIT
// ONNX's tests of operators, run as networks of one operator, against the outputs of their files.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <span>

#include "foldconv/network.hpp"
#include "harness/device/buffer.hpp"
#include "onnx/node_cases.hpp"
#include "onnx/node_cases_fixture.hpp"

namespace foldconv::test {
namespace {

using harness::DeviceBuffer;

// The first output, in the model's order.
Result<std::vector<float>> run(const NodeCase& one, DataType dtype) {
  const Result<Graph> graph = onnx::read(one.model, one.options());
  if (!graph.ok()) return graph.status();
  const Result<Network> network = Network::create(*graph, {.dtype = dtype});
  if (!network.ok()) return network.status();
  NetworkPlanOptions options;
  std::vector<DeviceBuffer> inputs;
  NetworkBuffers buffers;
  for (std::size_t i = 0; i < one.data(); ++i) {
    const Constant values = tensor_file(one.inputs[i]);
    inputs.emplace_back(std::as_bytes(values.values()));
    buffers.inputs.push_back(inputs.back().data());
  }
  const Result<NetworkPlan> plan = network->plan(options);
  if (!plan.ok()) return plan.status();
  std::vector<DeviceBuffer> outputs;
  for (std::size_t i = 0; i < plan->outputs(); ++i) {
    outputs.emplace_back(plan->output_bytes(i));
    buffers.outputs.push_back(outputs.back().data());
  }
  const DeviceBuffer workspace(plan->workspace_bytes());
  buffers.workspace = workspace.data();
  buffers.workspace_bytes = workspace.bytes();
  if (Status status = plan->run(buffers); !status.ok()) return status;
  const harness::Bytes bytes = outputs[0].download();
  for (const DeviceBuffer& output : outputs) EXPECT_TRUE(output.intact());
  EXPECT_TRUE(workspace.intact());
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

using OnnxNodeRuns = OnnxNodeCasesFixture;

// Relative to 1 and above.
float allowed(const NodeCase& one, DataType dtype) {
  // In f16 operands are rounded, too.
  if (dtype == DataType::f16) return 0x1p-9f;
  // Networks round where they store, not at casts.
  if (one.name.find("_to_FLOAT16") != std::string::npos) return 0x1p-10f;
  // The file has four digits.
  if (one.name == "test_averagepool_2d_ceil_last_window_starts_on_pad") return 1e-4f;
  return 1e-5f;
}

testing::AssertionResult agree(const std::vector<float>& values, std::span<const float> expected,
                               float bound) {
  if (values.size() != expected.size()) {
    return testing::AssertionFailure() << values.size() << " values, not " << expected.size();
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    const float a = values[i], b = expected[i];
    if (a == b || (std::isnan(a) && std::isnan(b))) continue;
    if (std::abs(a - b) <= bound * std::max(1.0f, std::abs(b))) continue;
    return testing::AssertionFailure() << i << ": " << a << ", expected " << b;
  }
  return testing::AssertionSuccess();
}

int runs_that_agree(const std::vector<NodeCase>& cases, DataType dtype) {
  int agreed = 0;
  for (const NodeCase& one : cases) {
    SCOPED_TRACE(one.name);
    const auto problems = onnx::inspect(one.model, one.options());
    const Constant expected = tensor_file(one.outputs[0]);
    if (!problems.ok() || !problems->empty() || !expected.given()) continue;
    // 10001 is no number of f16.
    if (dtype == DataType::f16 && one.name == "test_softmax_large_number") continue;
    const Result<std::vector<float>> values = run(one, dtype);
    EXPECT_TRUE(values.ok()) << values.status().message();
    if (!values.ok()) continue;
    EXPECT_TRUE(agree(*values, expected.values(), allowed(one, dtype)));
    ++agreed;
  }
  return agreed;
}

TEST_F(OnnxNodeRuns, AgreeWithTheirFilesInF32) {
  EXPECT_GT(runs_that_agree(cases_, DataType::f32), 150);
}

TEST_F(OnnxNodeRuns, AgreeWithTheirFilesInF16) {
  EXPECT_GT(runs_that_agree(cases_, DataType::f16), 150);
}

}  // namespace
}  // namespace foldconv::test
