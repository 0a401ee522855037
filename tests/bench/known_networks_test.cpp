// SPDX-License-Identifier: MIT
// Networks by name: that they are the published ones, that they run, and what a plan of them moves.
#include "harness/network/known/known.hpp"

#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <variant>

#include "foldconv/graph_node.hpp"
#include "harness/error.hpp"
#include "harness/network/judge.hpp"
#include "harness/network/run.hpp"
#include "measure/networks.hpp"
#include "started_tool.hpp"

namespace foldconv::tool {
namespace {

using harness::Bytes;
using harness::value_of;

class KnownNetworks : public testing::TestWithParam<std::string> {
 protected:
  Graph graph() const { return harness::find_known_network(GetParam())->make(); }
};

std::string name_of(const testing::TestParamInfo<std::string>& info) {
  return info.param;
}
INSTANTIATE_TEST_SUITE_P(All, KnownNetworks, testing::ValuesIn(harness::names_of_known_networks()),
                         name_of);

// Without the two whose weights alone take seconds.
class LightKnownNetworks : public KnownNetworks {};
INSTANTIATE_TEST_SUITE_P(All, LightKnownNetworks,
                         testing::Values("mobilenet_v2", "efficientnet_lite0", "densenet121",
                                         "yolov8n"),
                         name_of);

std::size_t size_of_constant(const Constant& constant) {
  return constant.given() ? constant.values().size() : 0;
}

// As frameworks count them: what is trained.
std::size_t parameters(const Graph& graph) {
  std::size_t sum = 0;
  for (const GraphNode& node : graph.nodes()) {
    if (const auto* conv = std::get_if<op::Conv>(&node.operation))
      sum += size_of_constant(conv->conv.weights) + size_of_constant(conv->conv.bias);
    if (const auto* norm = std::get_if<op::BatchNorm>(&node.operation))
      sum += size_of_constant(norm->arrays.gamma) + size_of_constant(norm->arrays.beta);
    if (const auto* linear = std::get_if<op::Linear>(&node.operation))
      sum += size_of_constant(linear->linear.weights) + size_of_constant(linear->linear.bias);
  }
  return sum;
}

// torchvision's tables of weights and timm's; of YOLOv8n Ultralytics' summary of layers 0 to 21.
TEST_P(KnownNetworks, HasThePublishedNumberOfParameters) {
  const std::map<std::string, std::size_t> published = {
      {"resnet50", 25557032},          {"resnext50_32x4d", 25028904}, {"mobilenet_v2", 3504872},
      {"efficientnet_lite0", 4652008}, {"densenet121", 7978856},      {"yolov8n", 2259536}};
  EXPECT_EQ(parameters(graph()), published.at(GetParam()));
}

// Each step by what it read, against fp64; and what plan() takes by itself against that, in bits.
TEST_P(LightKnownNetworks, AreRightAtTheSmallestSize) {
  const NetworkPlanOptions options = {.n = 1, .h = 32, .w = 32};
  const harness::JudgedNetwork judged = harness::judged_network(graph(), DataType::f16, options);
  const std::vector<Bytes> images = {check_images(judged.plan)};
  const harness::NetworkResult chain = harness::run_network(judged.plan, images);
  for (const harness::StepVerdict& step : harness::judge_steps(judged, images, chain)) {
    EXPECT_TRUE(step.verdict.pass)
        << step.operation << " " << step.tensor << ": " << step.verdict.reason;
  }
  const Network network = value_of(Network::create(graph(), {.dtype = DataType::f16}));
  EXPECT_EQ(harness::run_network(value_of(network.plan(options)), images).outputs, chain.outputs);
}

// Bytes of DRAM that each way moves.
std::map<std::string, double> bytes_of_ways(const std::string& network, int images) {
  const test::Outcome outcome = test::foldconv(
      "bench --network " + network + " --model h100 --format json --mb " + std::to_string(images));
  EXPECT_EQ(outcome.exit_code, 0);
  std::map<std::string, double> bytes;
  for (const auto& row : nlohmann::json::parse(outcome.out)["rows"])
    bytes[row["way"]] = row["dram_bytes"];
  return bytes;
}

TEST(KnownNetworksMove, AWholeResNet50) {
  auto bytes = bytes_of_ways("resnet50", 32);
  EXPECT_LE(bytes["planned"], 0.66 * bytes["chain"]);
  EXPECT_LE(bytes["planned"], 0.22 * bytes["separate"]);
}
TEST(KnownNetworksMove, NetworksOfInvertedBlocks) {
  for (const char* network : {"mobilenet_v2", "efficientnet_lite0"}) {
    auto bytes = bytes_of_ways(network, 32);
    EXPECT_LE(bytes["planned"], 0.25 * bytes["chain"]) << network;
  }
}

}  // namespace
}  // namespace foldconv::tool
