// SPDX-License-Identifier: MIT
// ONNX's tests of operators: each is read to a graph of the right extents, or refused for a reason of a list.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <map>

#include "onnx/node_cases.hpp"
#include "onnx/node_cases_fixture.hpp"

namespace foldconv::test {
namespace {

using OnnxNodeCases = OnnxNodeCasesFixture;

// Lines "name: reason".
std::map<std::string, std::string> refused_cases() {
  std::map<std::string, std::string> reasons;
  std::ifstream list(FOLDCONV_GOLDEN_FOLDER "/onnx_nodes/refused.txt");
  for (std::string line; std::getline(list, line);) {
    const std::size_t colon = line.find(": ");
    if (line.starts_with('#') || colon == line.npos) continue;
    reasons.emplace(line.substr(0, colon), line.substr(colon + 2));
  }
  return reasons;
}

TEST_F(OnnxNodeCases, AreReadOrRefusedForAKnownReason) {
  const auto refused = refused_cases();
  int read = 0;
  for (const NodeCase& one : cases_) {
    SCOPED_TRACE(one.name);
    const auto problems = onnx::inspect(one.model, one.options());
    ASSERT_TRUE(problems.ok()) << problems.status().message();
    const std::string reason = problems->empty() ? "" : problems->front().rule;
    if (reason == "opset 7 to 28") continue;
    const auto listed = refused.find(one.name);
    EXPECT_EQ(reason, listed == refused.end() ? "" : listed->second)
        << (problems->empty() ? "" : problems->front().to_string());
    if (!problems->empty()) continue;
    const Result<Graph> graph = onnx::read(one.model, one.options());
    ASSERT_TRUE(graph.ok()) << graph.status().message();
    const Constant expected = tensor_file(one.outputs[0]);
    EXPECT_TRUE(!expected.given() ||
                graph->extents(graph->find(one.output_name)) == expected.extents())
        << graph->to_string() << to_string(expected.extents());
    ++read;
  }
  EXPECT_GT(read, 90);
}

// What is computed on the host: the operators over constants alone.
TEST_F(OnnxNodeCases, AreComputedOnTheHost) {
  std::map<std::string, int> computed;
  for (const NodeCase& one : cases_) {
    SCOPED_TRACE(one.name);
    const Result<Graph> graph = onnx::read(one.model, one.options(true));
    if (!graph.ok()) continue;
    const Constant values = graph->constant_of(graph->find(one.output_name));
    const Constant expected = tensor_file(one.outputs[0]);
    if (!values.given() || !expected.given()) continue;
    EXPECT_EQ(values.extents(), expected.extents());
    ASSERT_EQ(values.values().size(), expected.values().size());
    for (std::size_t i = 0; i < values.values().size(); ++i) {
      const float a = values.values()[i], b = expected.values()[i];
      ASSERT_TRUE(a == b || std::abs(a - b) <= 1e-6f * std::abs(b) ||
                  (std::isnan(a) && std::isnan(b)))
          << i << ": " << a << ", expected " << b;
    }
    ++computed[one.op];
  }
  for (const char* op :
       {"Add", "Concat", "Constant", "ConstantOfShape", "Expand", "Gather", "Identity", "Mul",
        "Reshape", "Slice", "Split", "Squeeze", "Transpose", "Unsqueeze"}) {
    EXPECT_GE(computed[op], 1) << op;
  }
}

}  // namespace
}  // namespace foldconv::test
