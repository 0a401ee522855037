// SPDX-License-Identifier: MIT
// cuDNN's graphs without a GPU: cuDNN lists its engines for an H100 that is only described.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "cudnn/cudnn.hpp"
#include "cudnn/engines.hpp"
#include "cudnn/recording/record.hpp"
#include "harness/caught.hpp"

namespace foldconv::cudnn {
namespace {

using harness::message_of;

// The properties that cuDNN 9.19 asks for, with the figures of an H100 SXM.
const std::string kH100 = R"({
  "deviceName": "NVIDIA H100 80GB HBM3", "deviceVer": 900, "driverVer": 13000,
  "cudaDeviceId": 0, "pciDeviceId": 0, "isTccDriver": 0, "supportCoopLaunch": 1,
  "totalGlobalMem": 85000000000, "l2CacheSize": 52428800,
  "multiProcessorCount": 132, "smClockRateKHz": 1980000, "memClockRateKHz": 2619000,
  "maxGridSize": [2147483647, 65535, 65535], "maxBlockSize": [1024, 1024, 64], "warpSize": 32,
  "maxThreadsPerBlock": 1024, "maxThreadsPerSM": 2048, "maxCtasPerSM": 32,
  "regsPerBlock": 65536, "maxRegistersPerSM": 65536,
  "maxSharedMemoryPerBlock": 49152, "maxSharedMemoryPerBlockOptin": 232448,
  "reservedSharedMemoryPerBlock": 1024})";

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
    try {
      cudnn_ = described(kH100);
    } catch (const harness::Error& error) {
      GTEST_SKIP() << error.what();
    }
    if (dlopen("libcuda.so.1", RTLD_LAZY | RTLD_NOLOAD) == nullptr) {
      GTEST_SKIP() << "there is no libcuda.so.1, nor the toolkit's stub of it";
    }
  }

  std::shared_ptr<const Cudnn> cudnn_;
};

// None is made ready: a number that no engine has.
const Choice kNone{.first = 1000000, .last = 1000001};

TEST_F(CudnnGraph, EnginesAreOfferedForEveryProblemThatIsRecorded) {
  for (const RecordedProblem& recorded : recorded_problems()) {
    const ConvProblem& problem = recorded.problem.lines.front().convs.front().problem;
    const Epilogue epilogue{.scale = recorded.placement == ScalePlacement::epilogue,
                            .bias = recorded.batch_norm};
    if (problem.activation == Activation::hardswish) {
      EXPECT_EQ(
          message_of([&] { cudnn_->engines(problem, epilogue, kNone); }, ErrorCode::unsupported),
          "cuDNN's graphs have no hardswish");
      continue;
    }
    const ConvEngines engines = cudnn_->engines(problem, epilogue, kNone);
    // cuDNN 9.19 fuses nothing behind depthwise convolutions in bf16.
    const bool depthwise = problem.groups == problem.c;
    EXPECT_TRUE(engines.numbered > 0 || depthwise) << recorded.name;
    EXPECT_LE(engines.numbered, engines.offered) << recorded.name;
  }
}

TEST_F(CudnnGraph, ScaleAndBiasMayBeStoredAsTheTensorsAre) {
  const ConvProblem problem{.h = 14, .w = 14, .c = 64, .k = 64, .activation = Activation::relu};
  EXPECT_GT(cudnn_->engines(problem, {.scale = true, .bias = true, .vectors = DataType::f16}, kNone)
                .numbered,
            0U);
}

TEST_F(CudnnGraph, PrecompiledEnginesAreReady) {
  const ConvProblem problem{
      .h = 14, .w = 14, .c = 64, .k = 64, .r = 3, .s = 3, .pad = {1, 1, 1, 1}};
  const ConvEngines engines = cudnn_->engines(problem, {}, {.last = 8, .spoilt = {{1, "spoilt"}}});
  ASSERT_FALSE(engines.ready.empty());
  EXPECT_EQ(engines.offered, engines.ready.size() + engines.left_out.size());
  std::vector<std::string> names;
  for (const ConvEngine& engine : engines.ready) names.push_back(engine.name);
  std::ranges::sort(names);
  EXPECT_EQ(std::ranges::adjacent_find(names), names.end());
  EXPECT_EQ(names.front().rfind("eng", 0), 0U) << names.front();
  EXPECT_EQ(std::ranges::count_if(engines.left_out,
                                  [](const std::string& one) { return one.ends_with(": spoilt"); }),
            1);
  EXPECT_EQ(message_of([&] { engines.ready.front().run({}, nullptr); }, ErrorCode::unsupported),
            "cuDNN cannot run on a GPU that is only described");
}

TEST_F(CudnnGraph, CallsAreDescribed) {
  for (int i = 0; i < kActivationCount; ++i) {
    using Kind = Activation::Kind;
    const Activation activation{static_cast<Kind>(i)};
    constexpr Kind kUnknown[] = {Kind::leaky_relu, Kind::hardswish, Kind::gelu, Kind::hard_sigmoid,
                                 Kind::clip};
    const bool unknown = std::ranges::find(kUnknown, activation.kind) != std::end(kUnknown);
    for (const DataType dtype : {DataType::f16, DataType::bf16, DataType::f32}) {
      const auto describe = [&] { cudnn_->calls(dtype, {2, 7, 5, 24}, activation); };
      if (unknown) {
        EXPECT_EQ(message_of(describe, ErrorCode::unsupported),
                  std::string("cudnnActivationForward has no ") + to_string(activation.kind));
      } else {
        EXPECT_NO_THROW(describe()) << to_string(activation);
      }
    }
  }
}

// Everything but loading the compiled kernel, for which there is no GPU.
TEST_F(CudnnGraph, FusedKernelsCompile) {
  const ConvProblem problem{
      .h = 14, .w = 14, .c = 64, .k = 64, .activation = Activation::relu, .residual = true};
  try {
    EXPECT_FALSE(
        cudnn_->engines(problem, {.scale = true, .bias = true}, {.last = 1}).ready.empty());
  } catch (const harness::Error& error) {
    EXPECT_NE(std::string(error.what()).find("CUDA_DRIVER"), std::string::npos) << error.what();
  }
}

TEST(CudnnRefusals, AreInWords) {
  ConvProblem problem{.h = 4, .w = 4, .c = 8, .k = 8, .r = 3, .s = 3, .pad = {-1, 2, 1, 1}};
  EXPECT_EQ(message_of([&] { refuse(problem); }, ErrorCode::unsupported),
            "cuDNN has no negative padding");
  problem.k = 0;
  message_of([&] { refuse(problem); }, ErrorCode::invalid_argument);
}

TEST(CudnnRefusals, SayWhyThereIsNoCudnn) {
  const Search& search = installed();
  if (search.cudnn != nullptr) {
    EXPECT_EQ(search.reason, "");
    EXPECT_EQ(search.cudnn->version.rfind("9.", 0), 0U) << search.cudnn->version;
  } else {
    EXPECT_NE(search.reason.find("cuDNN"), std::string::npos) << search.reason;
  }
}

}  // namespace
}  // namespace foldconv::cudnn
