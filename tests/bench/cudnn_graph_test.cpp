// cuDNN's graphs without a GPU: cuDNN lists its engines for an H100 that is only described.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "cudnn/conv_engines.hpp"
#include "cudnn/tensor_calls.hpp"
#include "recording/problems.hpp"

namespace foldconv::cudnn {
namespace {

// cuDNN's fused kernels want the driver's library; without a driver the toolkit's stub does.
void load_driver() {
  if (dlopen("libcuda.so.1", RTLD_LAZY | RTLD_GLOBAL) == nullptr) {
    dlopen(FOLDCONV_CUDA_STUB, RTLD_LAZY | RTLD_GLOBAL);
  }
}

class CudnnGraph : public testing::Test {
 protected:
  void SetUp() override {
    load_driver();
    Result<Session> described = Session::described_h100();
    if (!described) GTEST_SKIP() << described.status().message();
    if (dlopen("libcuda.so.1", RTLD_LAZY | RTLD_NOLOAD) == nullptr) {
      GTEST_SKIP() << "there is no libcuda.so.1, nor the toolkit's stub of it";
    }
    session_ = std::make_unique<Session>(*described);
  }

  std::unique_ptr<Session> session_;
};

TEST_F(CudnnGraph, EnginesAreOfferedForEveryProblemThatIsRecorded) {
  for (const tool::RecordedConv& recorded : tool::recorded_convs()) {
    const ConvProblem& problem = recorded.problem;
    const bool scale = recorded.placement == ScalePlacement::epilogue;
    const Result<std::vector<std::string>> names =
        conv_engine_names(*session_, problem, {.scale = scale, .bias = recorded.batch_norm});
    if (problem.activation == Activation::hardswish) {
      EXPECT_EQ(names.status().message(), "cuDNN's graphs have no hardswish");
      continue;
    }
    ASSERT_TRUE(names.ok()) << recorded.name << ": " << names.status().message();
    // cuDNN 9.19 fuses nothing behind depthwise convolutions in bf16.
    const bool depthwise = problem.groups == problem.c;
    EXPECT_TRUE(!names->empty() || depthwise) << recorded.name;
  }
}

TEST_F(CudnnGraph, ScaleAndBiasMayBeStoredAsTheTensorsAre) {
  const ConvProblem problem{.h = 14, .w = 14, .c = 64, .k = 64, .activation = Activation::relu};
  const auto names = conv_engine_names(*session_, problem,
                                       {.scale = true, .bias = true, .vectors = DataType::f16});
  ASSERT_TRUE(names.ok()) << names.status().message();
  EXPECT_FALSE(names->empty());
}

TEST_F(CudnnGraph, PrecompiledEnginesAreReady) {
  const ConvProblem problem{
      .h = 14, .w = 14, .c = 64, .k = 64, .r = 3, .s = 3, .pad = {1, 1, 1, 1}};
  const Result<ConvEngines> engines = conv_engines(*session_, problem, {}, 8);
  ASSERT_TRUE(engines.ok()) << engines.status().message();
  EXPECT_FALSE(engines->ready.empty());
  EXPECT_GE(engines->offered, engines->ready.size() + engines->left_out.size());
  std::vector<std::string> names;
  for (const ConvEngine& engine : engines->ready) names.push_back(engine.name);
  std::ranges::sort(names);
  EXPECT_EQ(std::ranges::adjacent_find(names), names.end());
  EXPECT_EQ(names.front().rfind("eng", 0), 0U) << names.front();
  int somewhere = 0;
  EXPECT_EQ(engines->ready.front()
                .run({.x = &somewhere, .weights = &somewhere, .y = &somewhere}, nullptr)
                .message(),
            "cuDNN cannot run on a GPU that is only described");
  EXPECT_NE(engines->ready.front().run({}, nullptr).message().find("its tensors"),
            std::string::npos);
}

TEST_F(CudnnGraph, CallsAreDescribed) {
  for (int i = 0; i < kActivationCount; ++i) {
    const auto activation = static_cast<Activation>(i);
    for (const DataType dtype : {DataType::f16, DataType::bf16, DataType::f32}) {
      const auto calls = tensor_calls(*session_, dtype, {2, 7, 5, 24}, activation);
      EXPECT_EQ(calls.ok(), can_activate(activation).ok()) << calls.status().message();
    }
  }
}

// Everything but loading the compiled kernel, for which there is no GPU.
TEST_F(CudnnGraph, FusedKernelsCompile) {
  const ConvProblem problem{
      .h = 14, .w = 14, .c = 64, .k = 64, .activation = Activation::relu, .residual = true};
  const Result<ConvEngines> engines =
      conv_engines(*session_, problem, {.scale = true, .bias = true}, 1);
  if (engines) return;
  EXPECT_NE(engines.status().message().find("CUDA_DRIVER"), std::string::npos)
      << engines.status().message();
}

TEST(CudnnRefusals, AreInWords) {
  ConvProblem problem{.h = 4, .w = 4, .c = 8, .k = 8, .r = 3, .s = 3, .pad = {-1, 2, 1, 1}};
  if (const auto session = Session::described_h100(); !session) {
    GTEST_SKIP() << session.status().message();
  }
  EXPECT_EQ(can_express(problem).message(), "cuDNN has no negative padding");
  problem.k = 0;
  EXPECT_EQ(can_express(problem).code(), ErrorCode::invalid_argument);
  EXPECT_EQ(can_activate(Activation::gelu).message(), "cudnnActivationForward has no gelu");
  EXPECT_TRUE(can_activate(Activation::silu).ok());
}

TEST(CudnnSession, OpensOrSaysWhyNot) {
  const Result<Session> session = Session::open();
  if (session) {
    EXPECT_EQ(session->version().rfind("9.", 0), 0U) << session->version();
  } else {
    EXPECT_EQ(session.status().code(), ErrorCode::unsupported);
    EXPECT_NE(session.status().message().find("cuDNN"), std::string::npos)
        << session.status().message();
  }
}

}  // namespace
}  // namespace foldconv::cudnn
