// SPDX-License-Identifier: MIT
// Tests of all cases of a folder: libonnx-testdata's, or
//
//   FOLDCONV_ONNX_NODE_CASES=FOLDER foldconv_onnx_tests --gtest_filter=OnnxNode*
//
// those of newer opsets, which tests/golden/onnx_nodes/make_cases.py writes.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <vector>

#include "onnx/node_cases.hpp"

namespace foldconv::test {

class OnnxNodeCasesFixture : public testing::Test {
 protected:
  void SetUp() override {
    const char* given = std::getenv("FOLDCONV_ONNX_NODE_CASES");
    const std::filesystem::path folder = given != nullptr ? given : FOLDCONV_ONNX_MODELS "/node";
    if (!std::filesystem::exists(folder)) {
      GTEST_SKIP() << "no models: install Debian's libonnx-testdata";
    }
    cases_ = node_cases(folder);
    EXPECT_GT(cases_.size(), 150u);
  }

  std::vector<NodeCase> cases_;
};

}  // namespace foldconv::test
