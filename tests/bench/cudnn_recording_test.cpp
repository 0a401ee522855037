// SPDX-License-Identifier: MIT
// What is recorded of cuDNN is read as it was written, and the library agrees with it: with the oracle in
// cuDNN's place wherever this runs, with cuDNN itself where there is one.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <iostream>

#include "cudnn/cudnn.hpp"
#include "cudnn/recording/record.hpp"
#include "harness/caught.hpp"
#include "harness/problem/data.hpp"
#include "harness/test_folder.hpp"
#include "kernels/support/golden.hpp"

namespace foldconv::cudnn {
namespace {

namespace fs = std::filesystem;

using kernel_tests::compare_with_library;
using kernel_tests::expect_agreement;
using kernel_tests::Golden;
using kernel_tests::read_goldens;

// --- The recorder and the reader, with the oracle in cuDNN's place
// ------------------------------------------------------------------------------------------------

Run by_oracle(const ConvProblem& problem, const FoldedConv& folded, const harness::Bytes& x,
              const harness::Bytes& residual, bool) {
  if (problem.activation == Activation::hardswish) {
    throw harness::Error(ErrorCode::unsupported, "refused on purpose");
  }
  const auto inputs = std::make_shared<const oracle::ConvInputs>(harness::inputs_of(
      folded, oracle::decode(problem.dtype, x), oracle::decode(problem.dtype, residual)));
  const oracle::Expected result = oracle::conv(problem, *inputs);
  const std::vector<float> y(result.y.begin(), result.y.end());
  return {"oracle", inputs, oracle::encode(problem.dtype, y)};
}

class CudnnRecording : public testing::Test {
 protected:
  void SetUp() override {
    recorded_ = record_all(
        folder_, {{"gpu", "a \"GPU\""}, {"driver", "1"}, {"cuda", "13.0"}, {"cudnn", "9.0.0"}},
        by_oracle, [this](const std::string& name) { begun_.push_back(name); });
  }

  test::TestFolder scratch_;
  const std::string folder_ = scratch_.path().string();
  Recorded recorded_;
  std::vector<std::string> begun_;
  std::vector<float> bias_;  // of a golden that is changed
};

TEST_F(CudnnRecording, IsReadAsItWasWritten) {
  const std::vector<Golden> goldens = read_goldens(folder_);
  EXPECT_EQ(recorded_.files, goldens.size());
  EXPECT_EQ(goldens.size() + recorded_.refused.size(), recorded_problems().size());
  ASSERT_EQ(begun_.size(), recorded_problems().size());
  for (std::size_t at = 0; at < begun_.size(); ++at) {
    EXPECT_EQ(begun_[at], recorded_problems()[at].name);
  }
  ASSERT_EQ(recorded_.refused.size(), 3U);  // hardswish, in each type
  EXPECT_EQ(recorded_.refused.front(), "bias_hardswish_f16: refused on purpose");
  std::size_t blocks = 0;
  for (RecordedProblem& wanted : recorded_problems()) {
    const auto found = std::ranges::find(goldens, wanted.name, &Golden::name);
    if (found == goldens.end()) continue;
    const std::vector<const harness::LineConv*> convs = found->problem.convs();
    const std::vector<harness::LineConv*> wanted_convs = wanted.problem.convs();
    ASSERT_EQ(convs.size(), wanted_convs.size()) << wanted.name;
    for (std::size_t i = 0; i < convs.size(); ++i) {
      EXPECT_EQ(convs[i]->name, wanted_convs[i]->name) << wanted.name;
      EXPECT_EQ(to_string(convs[i]->problem), to_string(wanted_convs[i]->problem)) << wanted.name;
      EXPECT_EQ(convs[i]->problem, wanted_convs[i]->problem) << wanted.name;
    }
    EXPECT_TRUE(found->witness.starts_with("cuDNN 9.0.0 on a \"GPU\", oracle")) << found->witness;
    blocks += wanted.problem.blocks ? 1 : 0;
  }
  EXPECT_EQ(blocks, 12U);
  std::size_t bytes = 0;
  for (const auto& entry : fs::directory_iterator(folder_)) {
    EXPECT_EQ(entry.path().extension(), ".safetensors");
    bytes += entry.file_size();
  }
  EXPECT_EQ(bytes, recorded_.bytes);
  EXPECT_LT(bytes, kMostRecordedBytes);
}

TEST_F(CudnnRecording, TheLibraryAgreesAndFaultsAreSeen) {
  expect_agreement(folder_);
  const std::vector<Golden> goldens = read_goldens(folder_);
  const auto named = [&](const char* name) {
    return *std::ranges::find(goldens, name, &Golden::name);
  };
  for (const float change : {0.05f, -0.05f}) {
    Golden wrong = named("bias_f16");
    wrong.y[wrong.y.size() / 2] += change;
    EXPECT_FALSE(compare_with_library(wrong).pass);
  }
  // Of the BatchNorm of a convolution, with a channel's bias changed.
  const auto with_bias = [&](Golden golden, std::size_t conv, std::size_t channel, float change) {
    std::span<const float>& beta = golden.problem.lines.front().convs[conv].batch_norm->beta;
    bias_.assign(beta.begin(), beta.end());
    bias_[channel] += change;
    beta = bias_;
    return golden;
  };
  EXPECT_FALSE(compare_with_library(with_bias(named("bias_f16"), 0, 1, 0.25f)).pass);
  EXPECT_FALSE(
      compare_with_library(with_bias(named("block_identity_f16"), 1, 2, 0.5f), "chain").pass);
}

// --- cuDNN itself
// ------------------------------------------------------------------------------------------------

TEST(CudnnWitness, TheLibraryAgreesWithCudnnOnThisGpu) {
  const Search& search = installed();
  if (search.cudnn == nullptr) GTEST_SKIP() << search.reason;
  const test::TestFolder scratch;
  const std::string folder = scratch.path().string();
  // Engines are trusted: this program has no subcommand for a process of their own.
  const Recorded recorded =
      record_all(folder, {{"gpu", "this one"}, {"cudnn", search.cudnn->version}},
                 witness_of({.cudnn = search.cudnn}));
  for (const std::string& one : recorded.refused) std::cout << "cuDNN refuses " << one << '\n';
  EXPECT_GE(recorded.files, 12U);
  expect_agreement(folder);
  fs::remove_all(folder);
}

}  // namespace
}  // namespace foldconv::cudnn
