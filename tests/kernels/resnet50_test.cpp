// SPDX-License-Identifier: MIT
// ResNet-50 at 224 x 224, out of a state dict with seeded weights: what ONNX Runtime answers, and the same bits for every
// cut, place in the batch, workspace and captured graph.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "foldconv/models.hpp"
#include "harness/network/run.hpp"
#include "host/weights/safetensors_writer.hpp"
#include "kernels/support/device_buffer.hpp"
#include "kernels/support/seeded.hpp"

namespace foldconv::kernel_tests {
namespace {

using harness::Bytes;
using harness::NetworkBuffersOfPlan;
using harness::run_network;

constexpr int kSize = 224, kClasses = 1000;
constexpr std::size_t kImageBytes = std::size_t{3} * kSize * kSize * sizeof(float);
constexpr std::size_t kAnswerBytes = kClasses * sizeof(float);

// What tests/golden/networks/make_resnet50.py writes.
class SeededResNet50 {
 public:
  SeededResNet50() {
    conv_norm("conv1", "bn1", 64, 3, 7, false);
    int c = 64;
    for (int stage = 0; stage < 4; ++stage) {
      const int middle = 64 << stage, k = 4 * middle;
      for (int block = 0; block < std::array{3, 4, 6, 3}[static_cast<std::size_t>(stage)];
           ++block) {
        const std::string prefix =
            "layer" + std::to_string(stage + 1) + "." + std::to_string(block) + ".";
        conv_norm(prefix + "conv1", prefix + "bn1", middle, c, 1, false);
        conv_norm(prefix + "conv2", prefix + "bn2", middle, middle, 3, false);
        conv_norm(prefix + "conv3", prefix + "bn3", k, middle, 1, true);
        if (c != k) conv_norm(prefix + "downsample.0", prefix + "downsample.1", k, c, 1, true);
        c = k;
      }
    }
    const auto width = static_cast<std::size_t>(c);
    add("fc.weight", "[1000,2048]", seeded::weights("fc.weight", kClasses * width, width, 4));
    add("fc.bias", "[1000]", seeded::uniform("fc.bias", kClasses, {0.1f, 0}));
  }

  safetensors::StateDict state_dict() const {
    const auto bytes = std::make_shared<const std::string>(writer_.text());
    return value_of(safetensors::StateDict::read(std::as_bytes(std::span(*bytes)), bytes));
  }

 private:
  void add(const std::string& name, const std::string& shape, const std::vector<float>& values) {
    writer_.add(name, "F32", shape, test::bytes_of(values));
  }

  void conv_norm(const std::string& conv, const std::string& norm, int k, int c, int r,
                 bool damped) {
    const std::string name = conv + ".weight", taps = std::to_string(r);
    const auto channels = static_cast<std::size_t>(k),
               products = static_cast<std::size_t>(c * r * r);
    add(name, "[" + std::to_string(k) + "," + std::to_string(c) + "," + taps + "," + taps + "]",
        seeded::weights(name, channels * products, products));
    const seeded::Limits gamma =
        damped ? seeded::Limits{0.1875f, 0.4375f} : seeded::Limits{0.5f, 1};
    const std::pair<const char*, seeded::Limits> parts[] = {{".weight", gamma},
                                                            {".bias", {0.25f, 0}},
                                                            {".running_mean", {0.125f, 0}},
                                                            {".running_var", {0.5f, 1.25f}}};
    for (const auto& [part, limits] : parts)
      add(norm + part, "[" + std::to_string(k) + "]",
          seeded::uniform(norm + part, channels, limits));
  }

  test::SafetensorsWriter writer_;
};

struct ResNet50Network : testing::Test {
  static void SetUpTestSuite() {
    images = harness::bytes_of(seeded::pictures("input", 2, 3, kSize, kSize));
    graph = std::make_unique<Graph>(value_of(models::resnet(SeededResNet50().state_dict())));
    network = std::make_unique<Network>(value_of(Network::create(*graph)));
    answer = run(plan(2), images);
  }
  static void TearDownTestSuite() {
    graph.reset();
    network.reset();
  }

  static NetworkPlan plan(int n, BlockCut cut = BlockCut::automatic) {
    return value_of(network->plan({.n = n, .h = kSize, .w = kSize, .cut = cut}));
  }
  static Bytes run(const NetworkPlan& plan, const Bytes& input) {
    return run_network(plan, {input}).outputs[0];
  }
  static Bytes image(std::size_t index) { return part(images, index, kImageBytes); }
  static Bytes answer_of(std::size_t index) { return part(answer, index, kAnswerBytes); }
  static Bytes part(const Bytes& all, std::size_t index, std::size_t bytes) {
    const auto begin = all.begin() + static_cast<std::ptrdiff_t>(index * bytes);
    return {begin, begin + static_cast<std::ptrdiff_t>(bytes)};
  }

  static inline std::unique_ptr<Graph> graph;
  static inline std::unique_ptr<Network> network;
  static inline Bytes images, answer;  // of n = 2
};

// The largest that f16 weights and stores may do: tests/golden/networks/README.md has how far the weights' rounding alone moves a
// logit.
TEST_F(ResNet50Network, AnswersAsOnnxRuntime) {
  std::ifstream file(FOLDCONV_GOLDEN_FOLDER "/networks/resnet50.json");
  const auto recorded = nlohmann::json::parse(file).at("logits");
  const std::vector<float> logits = harness::floats(answer);
  double largest = 0;
  for (std::size_t n = 0; n < 2; ++n) {
    const auto row = logits.begin() + static_cast<std::ptrdiff_t>(n * kClasses);
    const auto expected = recorded.at(n).get<std::vector<float>>();
    for (std::size_t k = 0; k < kClasses; ++k)
      largest = std::max(
          largest,
          std::abs(static_cast<double>(row[static_cast<std::ptrdiff_t>(k)]) - expected[k]));
    EXPECT_EQ(std::max_element(row, row + kClasses) - row,
              std::max_element(expected.begin(), expected.end()) - expected.begin());
  }
  RecordProperty("largest_difference", std::to_string(largest));
  EXPECT_LT(largest, 0.05);
  EXPECT_GT(largest, 0);
}

TEST_F(ResNet50Network, IsAStemARunOfBlocksAndAHead) {
  const NetworkPlanExplanation explanation = plan(2).explanation();
  std::string operations;
  for (const NetworkStep& step : explanation.steps) operations += step.operation + " ";
  EXPECT_EQ(operations, "stem stage pool linear output ");
  EXPECT_LT(explanation.workspace_bytes, explanation.tensor_bytes);
}

TEST_F(ResNet50Network, EveryCutHasTheSameBits) {
  EXPECT_EQ(run(plan(1, BlockCut::chain), image(0)), answer_of(0));
}

TEST_F(ResNet50Network, APlaceInTheBatchHasTheSameBits) {
  EXPECT_EQ(run(plan(1), image(1)), answer_of(1));
}

// Of a plan for two, captured, the first image alone.
TEST_F(ResNet50Network, ACapturedGraphHasTheSameBits) {
  const NetworkPlan both = plan(2);
  const NetworkBuffersOfPlan memory(both, {images});
  const CudaGraph captured = value_of(both.capture(memory.buffers(1)));
  memory.poison();
  check(captured.launch());
  check(cudaDeviceSynchronize(), "a captured network");
  EXPECT_EQ(part(memory.outputs()[0], 0, kAnswerBytes), answer_of(0));
}

}  // namespace
}  // namespace foldconv::kernel_tests
