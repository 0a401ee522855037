// How cuDNN's engines are tried, judged, timed and made into steps: with engines that this library's
// kernels stand for, so that it runs without a GPU.
#include "compute/cudnn_steps.hpp"

#include <gtest/gtest.h>

#include <string>

#include "compute/cudnn_bound.hpp"
#include "compute/cudnn_implementations.hpp"
#include "compute/selection.hpp"
#include "foldconv/pointwise.hpp"
#include "measure/measure.hpp"
#include "recording/record.hpp"

namespace foldconv::tool {
namespace {

// What a stand-in does wrong.
enum class Fault { none, fails, scales_by_zero, cannot_be_captured };

std::vector<float> floats_at(const void* device, DataType dtype, std::size_t count) {
  std::vector<std::byte> bytes(count * size_of(dtype));
  EXPECT_EQ(cudaMemcpy(bytes.data(), device, bytes.size(), cudaMemcpyDeviceToHost), cudaSuccess);
  return oracle::decode(dtype, bytes);
}

// The convolution that the tensors describe, by this library. Weights, scale and bias are read where
// cuDNN would read them; once, because planning copies and a captured stream must not.
class StandIn {
 public:
  StandIn(const ConvProblem& problem, const cudnn::Epilogue& epilogue, Fault fault)
      : problem_(problem), epilogue_(epilogue), fault_(fault) {}

  Status operator()(const cudnn::ConvTensors& tensors, cudaStream_t stream) {
    if (fault_ == Fault::fails) return {ErrorCode::unsupported, "fails on purpose"};
    if (fault_ == Fault::cannot_be_captured && stream != nullptr) {
      return {ErrorCode::unsupported, "only on the default stream"};
    }
    if ((tensors.residual != nullptr) != problem_.residual ||
        (tensors.scale != nullptr) != epilogue_.scale ||
        (tensors.bias != nullptr) != epilogue_.bias) {
      return {ErrorCode::invalid_argument, "other tensors than the graph's"};
    }
    if (!plan_) plan_ = std::make_shared<ConvPlan>(plan(tensors));
    return plan_->run({.x = tensors.x, .residual = tensors.residual, .y = tensors.y}, stream);
  }

 private:
  ConvPlan plan(const cudnn::ConvTensors& tensors) const {
    const ConvProblem& p = problem_;
    const auto k = static_cast<std::size_t>(p.k);
    const auto channels = static_cast<std::size_t>(p.c / p.groups);
    const auto taps = static_cast<std::size_t>(p.r * p.s);
    const std::vector<float> krsc = floats_at(tensors.weights, p.dtype, k * channels * taps);
    std::vector<float> kcrs(krsc.size());
    for (std::size_t i = 0; i < krsc.size(); ++i) {
      const std::size_t channel = i % channels, tap = i / channels % taps,
                        row = i / channels / taps;
      kcrs[(row * channels + channel) * taps + tap] = krsc[i];
    }
    std::vector<float> gamma(k, 1.0f), beta(k, 0.0f);
    if (epilogue_.scale) gamma = floats_at(tensors.scale, epilogue_.vectors, k);
    if (epilogue_.bias) beta = floats_at(tensors.bias, epilogue_.vectors, k);
    if (fault_ == Fault::scales_by_zero) gamma.assign(k, 0.0f);
    const std::vector<float> mean(k, 0.0f), variance(k, 1.0f);
    const auto folded = fold(
        {.values = kcrs, .k = p.k, .c_per_group = p.c / p.groups, .r = p.r, .s = p.s},
        BatchNorm{
            .gamma = gamma, .beta = beta, .mean = mean, .variance = variance, .eps = Epsilon(0)},
        {.dtype = p.dtype, .placement = ScalePlacement::epilogue});
    EXPECT_TRUE(folded.ok()) << folded.status().message();
    return *Conv::create(*folded)->plan(p);
  }

  ConvProblem problem_;
  cudnn::Epilogue epilogue_;
  Fault fault_;
  std::shared_ptr<ConvPlan> plan_;
};

CudnnEngines engines_with(const std::vector<Fault>& faults) {
  return [faults](const ConvProblem& problem,
                  const cudnn::Epilogue& epilogue) -> Result<cudnn::ConvEngines> {
    cudnn::ConvEngines engines;
    for (const Fault fault : faults) {
      engines.ready.push_back({.name = "eng" + std::to_string(engines.offered++),
                               .workspace_bytes = 64 * engines.offered,
                               .run = StandIn(problem, epilogue, fault)});
    }
    if (engines.ready.empty()) return Status(ErrorCode::unsupported, "none on purpose");
    return engines;
  };
}

Result<cudnn::TensorCalls> calls_of(DataType dtype, const Shape& shape, Activation activation) {
  return cudnn::TensorCalls{
      .batch_norm =
          [=](const void* x, const pointwise::BatchNormArrays& arrays, void* y,
              cudaStream_t stream) {
            return pointwise::batch_norm(dtype, shape, x, arrays, y, stream);
          },
      .add = [=](const void* z, void* y,
                 cudaStream_t stream) { return pointwise::add(dtype, shape, y, z, y, stream); },
      .activate =
          [=](void* y, cudaStream_t stream) {
            return pointwise::activate(dtype, shape, activation, 0.01f, y, y, stream);
          }};
}

CudnnSearch search_with(const std::vector<Fault>& faults) {
  return {.engines = engines_with(faults), .calls = calls_of, .l2_bytes = 1 << 12};
}

const std::vector<std::string> kBoth = {kCudnn, kCudnnUnfused};

class CudnnSteps : public testing::Test {
 protected:
  void SetUp() override {
    const Result<Device> device = current_device();
    ASSERT_TRUE(device.ok()) << device.status().message();
    device_ = *device;
  }

  void expect_right(const std::vector<Implementation>& all, const std::vector<std::size_t>& steps) {
    ASSERT_EQ(all.size(), 2U);
    for (std::size_t i = 0; i < all.size(); ++i) {
      EXPECT_EQ(all[i].name, kBoth[i]);
      EXPECT_EQ(all[i].refusal, "");
      EXPECT_EQ(all[i].steps.size(), steps[i]) << all[i].name;
      Measured measured;
      const Status status = check(all[i], device_, measured);
      EXPECT_TRUE(status.ok()) << status.message();
      EXPECT_EQ(measured.wrong, "");
    }
  }

  Device device_;
  CudnnTensors tensors_;
  Options options_;
};

TEST_F(CudnnSteps, ALayerIsFusedOrACallEach) {
  const Result<CudnnSearch> search = search_with({Fault::none});
  for (const DataType dtype : {DataType::f16, DataType::bf16, DataType::f32}) {
    const Workload workload = make_workload({.dtype = dtype,
                                             .n = 3,
                                             .h = 6,
                                             .w = 5,
                                             .c = 16,
                                             .k = 24,
                                             .r = 3,
                                             .s = 3,
                                             .pad = {1, 1, 1, 1},
                                             .groups = 2,
                                             .activation = Activation::silu,
                                             .residual = true},
                                            options_);
    expect_right(cudnn_implementations(search, kBoth, workload, tensors_), {1, 4});
  }
}

TEST_F(CudnnSteps, ABlockIsALineOfConvolutions) {
  const Result<CudnnSearch> search = search_with({Fault::none});
  // Fused: four convolutions. By calls: also four BatchNorms, one sum, three ReLUs; two of them.
  const Result<BlockDescriptor> descriptor = parse_block_descriptor("ih6_ic32mid16oc64_s2x2");
  ASSERT_TRUE(descriptor.ok()) << descriptor.status().message();
  const Result<BlockWorkload> workload = make_block_workload(*descriptor, options_);
  ASSERT_TRUE(workload.ok()) << workload.status().message();
  expect_right(cudnn_implementations(search, kBoth, *workload, tensors_), {7, 7 + 7 + 2 + 6});
}

TEST_F(CudnnSteps, OnlyRightEnginesThatCanBeCapturedTakePart) {
  const Workload workload = make_workload(
      {.n = 1, .h = 6, .w = 5, .c = 16, .k = 24, .activation = Activation::relu}, options_);
  const auto kernel = [&](const std::vector<Fault>& faults) {
    const Result<CudnnSearch> search = search_with(faults);
    const auto all = cudnn_implementations(search, {kCudnn}, workload, tensors_);
    return all.front().refusal.empty() ? all.front().kernel : all.front().refusal;
  };
  // Each engine is offered twice: with scale and bias in fp32 and as the tensors are.
  EXPECT_EQ(kernel({Fault::fails, Fault::scales_by_zero, Fault::cannot_be_captured, Fault::none})
                .rfind("eng3", 0),
            0U);
  EXPECT_NE(kernel({Fault::none, Fault::fails, Fault::none}).find("(4_of_6)"), std::string::npos);
  EXPECT_EQ(kernel({Fault::fails}),
            "no engine of cuDNN gives a right result: eng0: fails on purpose");
  EXPECT_EQ(kernel({}), "none on purpose");
  EXPECT_NE(kernel({Fault::cannot_be_captured}).find("cannot be part of a CUDA graph"),
            std::string::npos);
  EXPECT_NE(kernel({Fault::scales_by_zero}).find("OUTSIDE THE BOUND"), std::string::npos);
}

TEST_F(CudnnSteps, ARecordingTakesTheFirstEngineThatIsRight) {
  for (const RecordedConv& problem : recorded_convs()) {
    const auto record_with = [&](const CudnnEngines& engines) {
      return record(problem, [&engines](const auto&... arguments) {
        return first_right_run(engines, arguments...);
      });
    };
    const auto right = record_with(engines_with({Fault::fails, Fault::none}));
    ASSERT_TRUE(right.ok()) << problem.name << ": " << right.status().message();
    EXPECT_EQ(right->engine, "eng1");
    const auto wrong = record_with(engines_with({Fault::fails}));
    EXPECT_EQ(wrong.status().message().rfind("eng0", 0), 0U) << wrong.status().message();
  }
  for (const RecordedBlock& problem : recorded_blocks()) {
    const CudnnEngines engines = engines_with({Fault::none});
    const auto block = record(problem, [&engines](const auto&... arguments) {
      return first_right_run(engines, arguments...);
    });
    EXPECT_TRUE(block.ok()) << problem.name << ": " << block.status().message();
  }
}

TEST_F(CudnnSteps, WithoutCudnnTheReasonStandsInTheRow) {
  const Workload workload = make_workload({.n = 1, .h = 6, .w = 5, .c = 16, .k = 24}, options_);
  const Result<CudnnSearch> search = Status(ErrorCode::unsupported, "cuDNN is away");
  for (const Implementation& one : cudnn_implementations(search, kBoth, workload, tensors_)) {
    EXPECT_EQ(one.refusal, "cuDNN is away");
    EXPECT_TRUE(one.steps.empty());
  }
}

TEST(CudnnBound, EveryImageIsJudgedByItself) {
  const Images images{DataType::f32, {5, 1, 1, 2}, 2};
  const oracle::Expected expected{.y = {1, 2, 3, 4}, .bound = {0.1, 0.1, 0.1, 0.1}};
  std::vector<float> y = {1, 2, 3, 4, 1.05f, 2, 3, 4, 1, 2};
  const auto verdict = [&] {
    return judge_every_image(images, expected, oracle::encode(DataType::f32, y));
  };
  EXPECT_TRUE(verdict().pass) << verdict().reason;
  y[9] = 2.2f;
  EXPECT_FALSE(verdict().pass);
  EXPECT_NE(verdict().reason.find("image 4"), std::string::npos) << verdict().reason;
}

}  // namespace
}  // namespace foldconv::tool
