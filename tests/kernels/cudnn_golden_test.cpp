// The library against cuDNN: what was recorded on a GPU, wherever this runs, and cuDNN itself where
// there is one.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <iostream>

#include "compute/cudnn_bound.hpp"
#include "compute/selection.hpp"
#include "kernels/support/block_bound.hpp"
#include "kernels/support/block_golden.hpp"
#include "kernels/support/cudnn_golden.hpp"
#include "kernels/support/golden_folder.hpp"
#include "kernels/support/test_block.hpp"
#include "recording/record.hpp"

namespace foldconv::kernel_tests {
namespace {

namespace fs = std::filesystem;

const std::string kFolder = golden_folder() + "/cudnn";
constexpr const char* kNoRecording =
    "no recording in tests/golden/cudnn yet; make one on a GPU by: "
    "bench/run.sh record-cudnn --out tests/golden/cudnn";

std::vector<BlockGolden> read_blocks(const std::string& folder) {
  return fs::exists(folder + "/blocks/index.txt") ? read_block_goldens(folder + "/blocks")
                                                  : std::vector<BlockGolden>();
}

DataType dtype_of(const BlockGolden& golden) {
  return golden.name.ends_with("_bf16") ? DataType::bf16 : DataType::f16;
}

// The bound is for our K order. cuDNN's is not known; errors of sums are a small part of the bound,
// which is that of the roundings between the convolutions.
oracle::Comparison compare_block(const BlockGolden& golden, BlockCut cut) {
  const DataType dtype = dtype_of(golden);
  oracle::Expected allowed = expect_block(golden, dtype);
  for (std::size_t i = 0; i < allowed.y.size(); ++i) {
    allowed.y[i] = static_cast<double>(golden.y[i]);
    allowed.bound[i] *= 2;
  }
  const auto plan = create_block(golden, dtype).plan({golden.n, golden.h, golden.w}, {.cut = cut});
  if (!plan.ok()) throw std::runtime_error(golden.name + ": " + plan.status().message());
  const auto y = run_block(*plan, dtype, oracle::encode(dtype, golden.x));
  return oracle::compare(oracle::decode(dtype, y), allowed);
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

Result<tool::CudnnRun> oracle(const ConvProblem& problem, const tool::CudnnParameters& parameters,
                              const std::vector<std::byte>& x,
                              const std::vector<std::byte>& residual, bool) {
  if (problem.activation == Activation::hardswish) {
    return Status(ErrorCode::unsupported, "refused on purpose");
  }
  const oracle::Expected expected =
      oracle::conv(problem, {.x = oracle::decode(problem.dtype, x),
                             .weights = parameters.weights,
                             .scale = parameters.scale,
                             .bias = parameters.bias,
                             .residual = oracle::decode(problem.dtype, residual)});
  const std::vector<float> y(expected.y.begin(), expected.y.end());
  return tool::CudnnRun{"oracle", parameters, oracle::encode(problem.dtype, y)};
}

class CudnnRecording : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = scratch_folder();
    const Result<tool::Recorded> recorded = tool::record_all(
        folder_, {.gpu = "a \"GPU\"", .driver = "1", .cuda = "13.0", .cudnn = "9.0.0"}, oracle);
    ASSERT_TRUE(recorded.ok()) << recorded.status().message();
    recorded_ = *recorded;
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string folder_;
  tool::Recorded recorded_;
};

TEST_F(CudnnRecording, IsReadAsItWasWritten) {
  const auto convs = read_cudnn_goldens(folder_);
  const auto blocks = read_blocks(folder_);
  EXPECT_EQ(convs.size() + recorded_.refused.size(), tool::recorded_convs().size());
  EXPECT_EQ(blocks.size(), tool::recorded_blocks().size());
  EXPECT_EQ(recorded_.files, convs.size() + blocks.size());
  ASSERT_EQ(recorded_.refused.size(), 3U);  // hardswish, in each type
  EXPECT_EQ(recorded_.refused.front(), "bias_hardswish_f16: refused on purpose");
  for (const tool::RecordedConv& wanted : tool::recorded_convs()) {
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
  EXPECT_LT(bytes, tool::kMostRecordedBytes);
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
  const Result<cudnn::Session>& session = tool::cudnn_session();
  if (!session) GTEST_SKIP() << session.status().message();
  const std::string folder = scratch_folder();
  const Result<tool::Recorded> recorded = tool::record_all(
      folder, {.gpu = "this one", .driver = "", .cuda = "", .cudnn = session->version()},
      tool::cudnn_witness(*session));
  ASSERT_TRUE(recorded.ok()) << recorded.status().message();
  for (const std::string& one : recorded->refused) std::cout << "cuDNN refuses " << one << '\n';
  EXPECT_GE(recorded->files, 12U);
  expect_agreement(folder);
  fs::remove_all(folder);
}

}  // namespace
}  // namespace foldconv::kernel_tests
