// SPDX-License-Identifier: MIT
#include "measure/networks.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <nlohmann/json.hpp>
#include <sstream>

#include "commands/commands.hpp"
#include "harness/error.hpp"
#include "harness/network/run.hpp"
#include "harness/test_folder.hpp"
#include "onnx/messages.hpp"

namespace foldconv::tool {
namespace {

namespace pb = test::pb;
using harness::value_of;

std::vector<float> weights(std::size_t count, float scale) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) {
    values[i] = scale * (static_cast<float>(i * 37 % 101) / 50 - 1);
  }
  return values;
}

// x [n, 4, 5, 7] -> a residual block of 3x3s -> y; scaled, so that another network is another one.
Graph block(float scale) {
  Graph graph;
  const foldconv::Value x = graph.input("x", {kOpen, 4, 5, 7});
  const ConvNode conv{.weights = Constant({4, 4, 3, 3}, weights(144, scale)),
                      .pad = Padding::same(1)};
  foldconv::Value y = graph.activate(graph.conv(x, conv, "conv1"), Activation::relu, "relu1");
  y = graph.activate(graph.add(graph.conv(y, conv, "conv2"), x, "sum"), Activation::relu, "relu2");
  graph.output(y, "y");
  return graph;
}

MeasuredNetwork measured(const Graph& graph, const NetworkWay& way, int images) {
  const Network network = value_of(Network::create(graph, way.options(DataType::f16)));
  return {.way = way.name, .plan = value_of(network.plan({.n = images}))};
}

TEST(Networks, ChecksEveryWay) {
  const Graph graph = block(0.3f);
  std::vector<MeasuredNetwork> ways;
  for (const NetworkWay& way : kNetworkWays) ways.push_back(measured(graph, way, 5));
  check_networks(graph, DataType::f16, {}, ways);
  for (const MeasuredNetwork& way : ways) EXPECT_EQ(way.wrong, "") << way.way;
}

TEST(Networks, AnotherNetworksResultIsWrong) {
  const Graph graph = block(0.3f), other = block(0.33f);
  std::vector<MeasuredNetwork> ways = {measured(other, kNetworkWays[0], 3),
                                       measured(graph, kNetworkWays[1], 3),
                                       measured(other, kNetworkWays[2], 3)};
  check_networks(graph, DataType::f16, {}, ways);
  EXPECT_NE(ways[0].wrong.find("from the chain's"), std::string::npos) << ways[0].wrong;
  EXPECT_EQ(ways[1].wrong, "");
  EXPECT_NE(ways[2].wrong.find("from the chain's"), std::string::npos) << ways[2].wrong;
  ways.erase(ways.begin() + 1);
  ways[0].wrong = ways[1].wrong = "";
  check_networks(graph, DataType::f16, {}, ways);
  EXPECT_NE(ways[0].wrong.find("no right chain"), std::string::npos) << ways[0].wrong;
}

TEST(Networks, ImagesAreTwoInTurns) {
  const Graph graph = block(1);
  const MeasuredNetwork way = measured(graph, kNetworkWays[1], 5);
  const harness::Bytes images = check_images(*way.plan);
  ASSERT_EQ(images.size(), way.plan->input_bytes(0));
  const std::size_t bytes = images.size() / 5;
  const auto differ = [&](std::size_t a, std::size_t b) {
    return std::memcmp(images.data() + a * bytes, images.data() + b * bytes, bytes) != 0;
  };
  EXPECT_TRUE(differ(0, 1));
  for (const std::size_t image : {2U, 3U, 4U}) EXPECT_FALSE(differ(image, image % 2)) << image;
}

// What a GPU gets: checks and times.
TEST(Networks, BenchTimesWhatIsRight) {
  const pb::Model model = {
      .nodes = {pb::node("Conv", {"x", "w"}, {"c"}), pb::node("Relu", {"c"}, {"y"})},
      .initializers = {pb::floats("w", {8, 8, 1, 1}, weights(64, 0.5f))},
      .inputs = {pb::value_info("x", {-1, 8, 3, 5})},
      .outputs = {pb::value_info("y", {-1, 8, 3, 5})}};
  Options options;
  options.command = Command::bench;
  const test::TestFolder folder;
  options.network.model = folder.write("model.onnx", model.to_bytes()).string();
  options.batch_sizes = {3};
  options.seconds = 0.01;
  harness::Device device = harness::current_device();
  device.emulated = false;
  device.l2_bytes = 1 << 12;
  std::ostringstream out;
  const auto writer = make_writer(Format::json, out);
  EXPECT_EQ(run_network_bench(options, device, *writer), kExitSuccess);
  const auto document = nlohmann::json::parse(out.str());
  ASSERT_EQ(document["rows"].size(), 3U);
  for (const auto& row : document["rows"]) {
    EXPECT_EQ(row["right"], true) << row;
    EXPECT_GT(row["cold_us"], 0.0);
    EXPECT_GT(row["warm_us"], 0.0);
    EXPECT_GT(row["warm_share"], 0.0);
  }
}

}  // namespace
}  // namespace foldconv::tool
