// SPDX-License-Identifier: MIT
// Random networks in f32 against the fp64 interpreter of their graphs: what no one thought of. Deterministic; the
// environment variable FOLDCONV_RANDOM_NETWORKS asks for more of them than the suite has time for.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string>

#include "harness/network/run.hpp"
#include "kernels/support/device_buffer.hpp"
#include "kernels/support/interpreted.hpp"
#include "kernels/support/random_network.hpp"

namespace foldconv::kernel_tests {
namespace {

using harness::Bytes;
using harness::Numbers;

unsigned number_of_networks() {
  const char* text = std::getenv("FOLDCONV_RANDOM_NETWORKS");
  return text == nullptr ? 500 : static_cast<unsigned>(std::max(1, std::atoi(text)));
}

// Of larger values the rounding of fp32 would be larger than what is allowed.
bool of_order_1(const Numbers& x) {
  return std::all_of(x.values.begin(), x.values.end(),
                     [](double value) { return std::fabs(value) < 100; });
}

class RandomNetworkTest {
 public:
  RandomNetworkTest(const RandomNetwork& network, const std::vector<Numbers>& tensors)
      : network_(network), tensors_(tensors), inputs_(bytes_of(network.inputs)) {
    for (const Numbers& input : network.inputs) options_.inputs.push_back(input.extents);
  }

  bool has_parts_in_place() const { return parts_in_place_; }

  // Returns how many runs of fewer images the plan took.
  unsigned run() {
    const Network fused_network = created(network_.graph, {});
    const NetworkPlan plan = planned(fused_network, options_);
    const std::vector<Bytes> outputs = expect_right(plan);
    parts_in_place_ = plan.explanation().to_string().find("concat: 0 of") == std::string::npos &&
                      !plan.explanation().remarks.empty();
    expect_right(planned(created(network_.graph, {.blocks = false}), options_));
    expect_right(planned(created(network_.graph, {.fuse = false}), options_));

    const Graph fused_graph = value_of(fused(network_.graph, {.dtype = DataType::f32}));
    EXPECT_TRUE(
        harness::run_network(planned(created(fused_graph, {}), options_), inputs_).outputs ==
        outputs)
        << "the network of the fused graph\n"
        << fused_graph.to_string();
    EXPECT_TRUE(
        harness::run_network(planned(created(fused_graph, {.fuse = false}), options_), inputs_)
            .outputs == outputs)
        << "without tensors in parts of others";
    NetworkPlanOptions keep = options_;
    keep.keep_all = true;
    EXPECT_TRUE(harness::run_network(planned(fused_network, keep), inputs_).outputs == outputs)
        << "keep_all";
    unsigned taken = 0;
    for (int images = 1; images < plan.images(); ++images)
      taken += runs_first_images(fused_network, plan, images);
    return taken;
  }

 private:
  static Network created(const Graph& graph, NetworkOptions options) {
    options.dtype = DataType::f32;
    return value_of(Network::create(graph, options), "creating the network");
  }
  static NetworkPlan planned(const Network& network, const NetworkPlanOptions& options) {
    return value_of(network.plan(options), "planning the network");
  }

  std::vector<Bytes> expect_right(const NetworkPlan& plan) const {
    const std::vector<Bytes> outputs = harness::run_network(plan, inputs_).outputs;
    EXPECT_TRUE(as_interpreted(network_.graph, plan, outputs, tensors_));
    return outputs;
  }

  // Expects what a plan for so many images gives, or a refusal, which is false.
  bool runs_first_images(const Network& network, const NetworkPlan& plan, int images) const {
    NetworkPlanOptions fewer = options_;
    std::vector<Bytes> some = inputs_;
    for (std::size_t i = 0; i < some.size(); ++i) {
      const Value input = network_.graph.find("input " + std::to_string(i));
      const Extents open = network_.graph.extents(input);
      if (open.empty() || open[0] != kOpen || fewer.inputs[i][0] != plan.images()) continue;
      fewer.inputs[i][0] = images;
      some[i].resize(some[i].size() / static_cast<std::size_t>(plan.images()) *
                     static_cast<std::size_t>(images));
    }
    const harness::NetworkBuffersOfPlan memory(plan, inputs_);
    const Status status = plan.run(memory.buffers(images));
    if (status.code() == ErrorCode::unsupported) return false;
    check(status, "a run of fewer images");
    check(cudaDeviceSynchronize(), "a run of fewer images");
    EXPECT_TRUE(memory.intact(inputs_));
    const std::vector<Bytes> got = memory.outputs();
    // Operations that nothing reads may take no such batch.
    const Result<NetworkPlan> smaller = network.plan(fewer);
    if (!smaller.ok()) return false;
    const std::vector<Bytes> expected = harness::run_network(*smaller, some).outputs;
    for (std::size_t i = 0; i < got.size(); ++i) {
      if (expected[i].size() > got[i].size()) {
        ADD_FAILURE() << images << " images, output " << i << " would be larger alone";
        continue;
      }
      const auto behind = got[i].begin() + std::ssize(expected[i]);
      EXPECT_TRUE(std::equal(got[i].begin(), behind, expected[i].begin()))
          << images << " images, output " << i;
      EXPECT_TRUE(std::all_of(behind, got[i].end(),
                              [](std::byte b) { return b == std::byte{DeviceBuffer::kPoison}; }))
          << "what lies behind " << images << " images of output " << i << " was written";
    }
    return true;
  }

  const RandomNetwork& network_;
  const std::vector<Numbers>& tensors_;
  std::vector<Bytes> inputs_;
  NetworkPlanOptions options_;
  bool parts_in_place_ = false;
};

TEST(RandomNetworks, ComputeWhatTheirGraphsSay) {
  unsigned tested = 0, of_fewer_images = 0, with_parts = 0;
  for (unsigned seed = 0; seed < number_of_networks(); ++seed) {
    const RandomNetwork network = random_network(seed);
    SCOPED_TRACE(testing::Message() << "network " << seed << '\n' << network.graph.to_string());
    ASSERT_TRUE(network.graph.status().ok()) << network.graph.status().message();
    const std::vector<Numbers> tensors = harness::interpret(network.known, network.inputs);
    if (!std::all_of(tensors.begin(), tensors.end(), of_order_1)) continue;
    ++tested;
    try {
      RandomNetworkTest test(network, tensors);
      of_fewer_images += test.run();
      with_parts += test.has_parts_in_place() ? 1 : 0;
    } catch (const harness::Error& error) {
      ADD_FAILURE() << error.what();
    }
  }
  EXPECT_GE(tested, number_of_networks() / 2);
  EXPECT_GE(of_fewer_images, number_of_networks() / 10);
  EXPECT_GE(with_parts, number_of_networks() / 10);
}

}  // namespace
}  // namespace foldconv::kernel_tests
