// SPDX-License-Identifier: MIT
// What is recorded of cuDNN is read as it was written, and the library agrees with it: with the oracle in
// cuDNN's place wherever this runs, with cuDNN itself where there is one.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <iostream>

#include "cudnn/recording/record.hpp"
#include "harness/caught.hpp"
#include "kernels/support/cudnn_agreement.hpp"

namespace foldconv::cudnn {
namespace {

namespace fs = std::filesystem;

using kernel_tests::BlockGolden;
using kernel_tests::compare_block;
using kernel_tests::compare_with_library;
using kernel_tests::CudnnGolden;
using kernel_tests::expect_agreement;
using kernel_tests::read_cudnn_blocks;
using kernel_tests::read_cudnn_goldens;

// Empty, and of this process alone: several run at once.
std::string scratch_folder() {
  const std::string folder = testing::TempDir() + "foldconv_cudnn_" +
                             testing::UnitTest::GetInstance()->current_test_info()->name() +
                             std::to_string(getpid());
  fs::remove_all(folder);
  return folder;
}

// --- The recorder and the reader, with the oracle in cuDNN's place
// ------------------------------------------------------------------------------------------------

Run by_oracle(const ConvProblem& problem, const Parameters& parameters, const harness::Bytes& x,
              const harness::Bytes& residual, bool) {
  if (problem.activation == Activation::hardswish) {
    throw harness::Error(ErrorCode::unsupported, "refused on purpose");
  }
  const oracle::Expected result =
      oracle::conv(problem, {.x = oracle::decode(problem.dtype, x),
                             .weights = parameters.weights,
                             .scale = parameters.scale,
                             .bias = parameters.bias,
                             .residual = oracle::decode(problem.dtype, residual)});
  const std::vector<float> y(result.y.begin(), result.y.end());
  return {"oracle", parameters, oracle::encode(problem.dtype, y)};
}

class CudnnRecording : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = scratch_folder();
    recorded_ = record_all(
        folder_, {.gpu = "a \"GPU\"", .driver = "1", .cuda = "13.0", .cudnn = "9.0.0"}, by_oracle);
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string folder_;
  tool::Recorded recorded_;
};

TEST_F(CudnnRecording, IsReadAsItWasWritten) {
  const auto convs = read_cudnn_goldens(folder_);
  const auto blocks = read_cudnn_blocks(folder_);
  EXPECT_EQ(convs.size() + recorded_.refused.size(), recorded_convs().size());
  EXPECT_EQ(blocks.size(), recorded_blocks().size());
  EXPECT_EQ(recorded_.files, convs.size() + blocks.size());
  ASSERT_EQ(recorded_.refused.size(), 3U);  // hardswish, in each type
  EXPECT_EQ(recorded_.refused.front(), "bias_hardswish_f16: refused on purpose");
  for (const RecordedConv& wanted : recorded_convs()) {
    const auto found = std::ranges::find(convs, wanted.name, &CudnnGolden::name);
    if (found == convs.end()) continue;
    EXPECT_EQ(to_string(found->problem), to_string(wanted.problem));
    EXPECT_EQ(found->problem, wanted.problem) << wanted.name;
    EXPECT_EQ(found->witness, "cuDNN 9.0.0 on a 'GPU', engine oracle");
  }
  std::size_t bytes = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder_)) {
    if (entry.is_regular_file()) bytes += entry.file_size();
  }
  EXPECT_EQ(bytes, recorded_.bytes);
  EXPECT_LT(bytes, kMostRecordedBytes);
}

TEST_F(CudnnRecording, TheLibraryAgreesAndFaultsAreSeen) {
  expect_agreement(folder_);
  CudnnGolden conv = read_cudnn_goldens(folder_).front();
  for (const float change : {0.05f, -0.05f}) {
    CudnnGolden wrong = conv;
    wrong.y[wrong.y.size() / 2] += change;
    EXPECT_FALSE(compare_with_library(wrong).pass);
  }
  conv.inputs.bias[1] += 0.25f;
  EXPECT_FALSE(compare_with_library(conv).pass);
  BlockGolden block = read_cudnn_blocks(folder_).front();
  block.layers[1].beta[2] += 0.5f;
  EXPECT_FALSE(compare_block(block, BlockCut::chain).pass);
}

// --- cuDNN itself
// ------------------------------------------------------------------------------------------------

TEST(CudnnWitness, TheLibraryAgreesWithCudnnOnThisGpu) {
  if (!tool::cudnn_reason().empty()) GTEST_SKIP() << tool::cudnn_reason();
  const std::string folder = scratch_folder();
  // Engines are trusted: this program has no subcommand for a process of their own.
  const tool::Recorded recorded = record_all(
      folder, {.gpu = "this one", .driver = "", .cuda = "", .cudnn = tool::cudnn_version()},
      witness_of({.cudnn = open()}));
  for (const std::string& one : recorded.refused) std::cout << "cuDNN refuses " << one << '\n';
  EXPECT_GE(recorded.files, 12U);
  expect_agreement(folder);
  fs::remove_all(folder);
}

}  // namespace
}  // namespace foldconv::cudnn
