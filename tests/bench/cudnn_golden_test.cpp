// The library against cuDNN: what was recorded on a GPU, wherever this runs, and cuDNN itself where
// there is one.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <iostream>

#include "cudnn/recording/record.hpp"
#include "cudnn_golden.hpp"
#include "harness/caught.hpp"
#include "harness/ways/library.hpp"
#include "kernels/support/block_bound.hpp"
#include "kernels/support/block_golden.hpp"
#include "kernels/support/golden_folder.hpp"

namespace foldconv::cudnn {
namespace {

namespace fs = std::filesystem;

const std::string kFolder = kernel_tests::golden_folder() + "/cudnn";
constexpr const char* kNoRecording =
    "no recording in tests/golden/cudnn yet; make one on a GPU by: "
    "bench/run.sh record-cudnn --out tests/golden/cudnn";

using kernel_tests::BlockGolden;

std::vector<BlockGolden> read_blocks(const std::string& folder) {
  return fs::exists(folder + "/blocks/index.txt")
             ? kernel_tests::read_block_goldens(folder + "/blocks")
             : std::vector<BlockGolden>();
}

DataType dtype_of(const BlockGolden& golden) {
  return golden.name.ends_with("_bf16") ? DataType::bf16 : DataType::f16;
}

// The bound is for our K order. cuDNN's is not known; errors of sums are a small part of the bound,
// which is that of the roundings between the convolutions.
oracle::Comparison compare_block(const BlockGolden& golden, BlockCut cut) {
  const DataType dtype = dtype_of(golden);
  oracle::Expected allowed = kernel_tests::expect_block(golden, dtype);
  for (std::size_t i = 0; i < allowed.y.size(); ++i) {
    allowed.y[i] = static_cast<double>(golden.y[i]);
    allowed.bound[i] *= 2;
  }
  const BlockPlan plan = harness::value_of(
      kernel_tests::create_block(golden, dtype).plan({golden.n, golden.h, golden.w}, {.cut = cut}),
      golden.name);
  const harness::DeviceBuffer x(oracle::encode(dtype, golden.x));
  const harness::DeviceBuffer y(golden.y.size() * size_of(dtype));
  const harness::DeviceBuffer workspace(plan.workspace_bytes());
  harness::launch_of(plan, x, y, workspace)(nullptr);
  harness::check(cudaDeviceSynchronize(), golden.name);
  return oracle::compare(oracle::decode(dtype, y.download()), allowed);
}

void expect_agreement(const std::string& folder) {
  for (const CudnnGolden& golden : read_cudnn_goldens(folder)) {
    const oracle::Comparison result = compare_with_library(golden);
    EXPECT_TRUE(result.pass) << golden.name << " (" << golden.witness
                             << "): " << result.to_string();
  }
  for (const BlockGolden& golden : read_blocks(folder)) {
    for (const BlockCut cut : {BlockCut::automatic, BlockCut::chain}) {
      const oracle::Comparison result = compare_block(golden, cut);
      EXPECT_TRUE(result.pass) << golden.name << ", " << to_string(cut) << ": "
                               << result.to_string();
    }
  }
}

// Empty, and of this process alone: several run at once.
std::string scratch_folder() {
  const std::string folder = testing::TempDir() + "foldconv_cudnn_" +
                             testing::UnitTest::GetInstance()->current_test_info()->name() +
                             std::to_string(getpid());
  fs::remove_all(folder);
  return folder;
}

TEST(CudnnGoldens, TheLibraryAgreesWithTheRecording) {
  if (read_cudnn_goldens(kFolder).empty()) GTEST_SKIP() << kNoRecording;
  expect_agreement(kFolder);
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
  const auto blocks = read_blocks(folder_);
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
  BlockGolden block = read_blocks(folder_).front();
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
