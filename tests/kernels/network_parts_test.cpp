// SPDX-License-Identifier: MIT
// Tensors in parts of others: concatenations and slices of channels that are no steps change no bit.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "cuemu.h"
#include "harness/network/judge.hpp"
#include "kernels/support/device_buffer.hpp"
#include "kernels/support/test_networks.hpp"

namespace foldconv::kernel_tests {
namespace {

using harness::Bytes;
using harness::run_network;

constexpr int kBatch = 3, kRows = 9, kColumns = 7;

int count_steps(const NetworkPlan& plan, std::string_view operation) {
  return static_cast<int>(
      std::ranges::count(plan.explanation().steps, operation, &NetworkStep::operation));
}

struct Expected {
  int concat_steps, slice_steps = 0, layout_steps = 0;
};

// Of a graph with one input n, c, kRows, kColumns.
class PartsTest {
 public:
  explicit PartsTest(const Graph& graph) : graph_(graph) {
    check(graph.status());
    const int c = static_cast<int>(graph.extents(graph.find("image"))[1]);
    image_ = static_cast<std::size_t>(c * kRows * kColumns);
  }

  void expect(const Expected& steps) const {
    for (const DataType dtype : {DataType::f16, DataType::f32}) {
      const NetworkPlan plan = planned(graph_, {.dtype = dtype, .blocks = false}, kBatch);
      const std::string text = plan.explanation().to_string();
      EXPECT_EQ(count_steps(plan, "concat"), steps.concat_steps) << text;
      EXPECT_EQ(count_steps(plan, "slice"), steps.slice_steps) << text;
      EXPECT_EQ(count_steps(plan, "layout"), steps.layout_steps) << text;
      expect_bits_of_copies(plan, dtype);
    }
    every_step_is_right();
  }

  static NetworkPlan planned(const Graph& graph, const NetworkOptions& how, int n,
                             bool keep_all = false) {
    const Network network = value_of(Network::create(graph, how));
    return value_of(network.plan({.n = n, .h = kRows, .w = kColumns, .keep_all = keep_all}));
  }

 private:
  Bytes images(int n) const { return seeded_images(static_cast<std::size_t>(n) * image_, 3); }

  // The same operations without fusion have no parts in place.
  void expect_bits_of_copies(const NetworkPlan& plan, DataType dtype) const {
    const Graph operations = value_of(fused(graph_, {.dtype = dtype, .blocks = false}));
    const NetworkPlan copies = planned(operations, {.dtype = dtype, .fuse = false}, kBatch);
    EXPECT_TRUE(copies.explanation().remarks.empty());
    const std::vector<Bytes> outputs = run_network(copies, {images(kBatch)}).outputs;
    EXPECT_EQ(run_network(plan, {images(kBatch)}).outputs, outputs);
    const NetworkPlan kept = planned(graph_, {.dtype = dtype, .blocks = false}, kBatch, true);
    EXPECT_EQ(run_network(kept, {images(kBatch)}).outputs, outputs) << "keep_all";
    const std::vector<Bytes> two = run_network(plan, {images(kBatch)}, 2).outputs;
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      const std::size_t bytes = outputs[i].size() / kBatch * 2;
      EXPECT_EQ(std::memcmp(two[i].data(), outputs[i].data(), bytes), 0) << "two images";
      EXPECT_TRUE(std::all_of(two[i].begin() + static_cast<std::ptrdiff_t>(bytes), two[i].end(),
                              [](std::byte b) { return b == std::byte{DeviceBuffer::kPoison}; }))
          << "what lies behind two images was written";
    }
  }

  void every_step_is_right() const {
    const harness::JudgedNetwork network =
        harness::judged_network(graph_, DataType::f16, {.n = kBatch, .h = kRows, .w = kColumns});
    const std::vector<Bytes> inputs = {images(kBatch)};
    for (const auto& step :
         harness::judge_steps(network, inputs, run_network(network.plan, inputs)))
      EXPECT_TRUE(step.verdict.pass)
          << step.operation << " " << step.tensor << ": " << step.verdict.reason;
  }

  Graph graph_;
  std::size_t image_;
};

void expect_parts(const Graph& graph, const Expected& steps) {
  PartsTest(graph).expect(steps);
}

TEST(NetworkParts, ConvolutionsWriteTheirParts) {
  NetworkBuilder b;
  const Value x = b.layer(b.image(), {.k = 16, .r = 3});
  const Value y = b.graph.concat({b.layer(x, {.k = 24}), b.layer(x, {.k = 40, .r = 3}),
                                  b.layer(b.layer(x, {.k = 8}), {.k = 16, .r = 5})},
                                 1);
  b.graph.output(b.layer(y, {.k = 20, .r = 3}), "y");
  expect_parts(b.graph, {0});
}

// Concatenations that grow, as pairs and as lists; and one that is cut out of the middle.
TEST(NetworkParts, DenseBlocks) {
  for (const bool nested : {true, false}) {
    NetworkBuilder b;
    std::vector<Value> parts = {b.layer(b.image(), {.k = 16, .r = 3})};
    Value y = parts[0];
    for (int layer = 0; layer < 3; ++layer) {
      parts.push_back(b.conv(b.layer(y, {.k = 12}), {.k = 8, .r = 3}));
      y = b.graph.concat(nested ? std::vector{y, parts.back()} : parts, 1);
    }
    const Value middle = b.graph.concat({parts[1], parts[2]}, 1);
    y = b.layer(y, {.k = 24});  // and a second block
    const Value next = b.graph.concat({y, b.layer(y, {.k = 8})}, 1);
    y = b.graph.concat({next, b.layer(next, {.k = 16, .r = 3})}, 1);
    b.graph.output(b.layer(y, {.k = 9}), "y");
    b.graph.output(b.layer(middle, {.k = 8, .r = 3}), "middle");
    expect_parts(b.graph, {0});
  }
}

TEST(NetworkParts, APartIsUsedTwice) {
  NetworkBuilder b;
  const Value x = b.layer(b.image(), {.k = 16, .r = 3});
  const Value a = b.layer(x, {.k = 8}), c = b.layer(x, {.k = 24, .r = 3});
  b.graph.output(b.conv(b.graph.concat({a, c, a}, 1), {.k = 16}), "one");
  b.graph.output(b.conv(b.graph.concat({c, a}, 1), {.k = 16}), "other");
  // a again; of the other one all, which is no part of the first: [c, a] are its last ones
  expect_parts(b.graph, {1});
}

// Parts that begin between pieces are copied; what is behind them again is not.
TEST(NetworkParts, OddOffsets) {
  NetworkBuilder b;
  const Value x = b.layer(b.image(), {.k = 16, .r = 3});
  const Value a = b.layer(x, {.k = 13}), c = b.layer(x, {.k = 19, .r = 3}),
              d = b.layer(x, {.k = 8});
  const Value inner = b.graph.concat({c, d}, 1);
  const Value y = b.graph.concat({a, inner, b.layer(x, {.k = 24})}, 1);
  b.graph.output(b.conv(y, {.k = 16, .r = 3}), "y");
  b.graph.output(b.conv(inner, {.k = 16}),
                 "inner");  // of 27 channels, so it has no place of its own there
  expect_parts(b.graph, {3});
}

// Halves of a convolution, one of them once more a part of what it is a half of: the C2f block of YOLO.
TEST(NetworkParts, SplitsAndResiduals) {
  NetworkBuilder b;
  const Value x = b.layer(b.image(), {.k = 32, .r = 3}, Activation::silu);
  const Value left = b.graph.slice(x, 1, 0, 16), right = b.graph.slice(x, 1, 16, 32);
  const auto bottleneck = [&](Value from) {
    const Value t = b.layer(from, {.k = 16, .r = 3}, Activation::silu);
    return b.graph.add(b.layer(t, {.k = 16, .r = 3}, Activation::none), from);
  };
  const Value m = bottleneck(right), n = bottleneck(m);
  b.graph.output(b.layer(b.graph.concat({left, right, m, n}, 1), {.k = 32}, Activation::silu), "y");
  expect_parts(b.graph, {0});
}

TEST(NetworkParts, SlicesOfInputsAndBetweenPieces) {
  NetworkBuilder b;
  const Value x = b.image(24);
  const Value first = b.graph.slice(x, 1, 0, 16), last = b.graph.slice(x, 1, 16, 24);
  const Value odd = b.graph.slice(first, 1, 5, 12);
  b.graph.output(b.conv(b.graph.concat({last, first}, 1), {.k = 8, .r = 3}), "swapped");
  b.graph.output(b.layer(b.graph.slice(first, 1, 8, 16), {.k = 8, .r = 3}), "slice of a slice");
  b.graph.output(b.conv(odd, {.k = 8}), "odd");
  b.graph.output(b.graph.softmax(last, 1), "softmax");  // which reads no pitch
  expect_parts(b.graph, {.concat_steps = 2, .slice_steps = 1, .layout_steps = 1});
}

TEST(NetworkParts, AreOutputsToo) {
  NetworkBuilder b;
  const Value x = b.layer(b.image(), {.k = 16, .r = 3});
  const Value a = b.layer(x, {.k = 8}), c = b.layer(x, {.k = 24, .r = 3});
  const Value y = b.graph.concat({a, c}, 1, "y");
  const Value longer = b.graph.concat({y, x}, 1);
  b.graph.output(a, "a");
  b.graph.output(y, "concat");
  b.graph.output(b.graph.slice(longer, 1, 8, 32), "slice");
  b.graph.output(b.graph.transpose(c, {0, 2, 3, 1}), "transposed");
  b.graph.output(b.graph.flatten(a), "flat");
  b.graph.output(longer, "longer");
  expect_parts(b.graph, {.concat_steps = 0, .layout_steps = 1});

  const NetworkPlan plan =
      value_of(value_of(Network::create(b.graph)).plan({.h = kRows, .w = kColumns, .keep = {"y"}}));
  const KeptTensor kept = value_of(plan.tensor("y"));
  EXPECT_EQ(kept.extents, (Extents{1, 32, kRows, kColumns}));
}

TEST(NetworkParts, OfLayers) {
  NetworkBuilder b;
  const Value x = b.layer(b.image(), {.k = 48, .r = 3});
  const Value left = b.graph.slice(x, 1, 8, 24), right = b.graph.slice(x, 1, 32, 48);
  const Value sum = b.graph.add(left, right);  // which two readers keep from a convolution
  const Value y = b.graph.concat(
      {b.norm(left), b.graph.activate(right, Activation::silu), sum, b.graph.multiply(left, sum),
       b.graph.pool(right, {.window = {3, 3}, .pad = Padding::same(1)}),
       b.graph.lrn(left, {.alpha = 1}),
       b.graph.pool(left, {.kind = PoolKind::average, .window = {3, 3}, .pad = Padding::same(1)})},
      1);
  b.graph.output(b.conv(y, {.k = 16}), "y");
  const Value means = b.graph.concat(
      {b.graph.global_pool(left, PoolKind::average), b.graph.global_pool(y, PoolKind::max)}, 1);
  b.graph.output(b.conv(means, {.k = 8}), "means");
  expect_parts(b.graph, {0});
}

TEST(NetworkParts, OfCopies) {
  NetworkBuilder b;
  const Value x = b.layer(b.image(), {.k = 16, .r = 3, .stride = 2});
  const Value up = b.graph.resize_nearest(x, 2, 2);
  const Value trimmed = b.graph.pad(up, {0, 0, 0, 0}, {0, 0, -1, -1});
  b.graph.output(b.conv(b.graph.concat({trimmed, b.layer(b.graph.find("image"), {.k = 8})}, 1),
                        {.k = 8, .r = 3}),
                 "y");
  expect_parts(b.graph, {0});
}

// Of nothing that is NHWC nothing is made NHWC.
TEST(NetworkParts, OfOtherOrdersAreCopied) {
  NetworkBuilder b;
  const Value x = b.image(8);
  const Value turned = b.graph.transpose(b.layer(x, {.k = 8}), {0, 1, 3, 2});
  const Value back = b.graph.concat({turned, turned}, 1);
  b.graph.output(b.graph.transpose(back, {0, 1, 3, 2}), "y");
  expect_parts(b.graph, {2});
}

// A shuffle of channels is one copy.
TEST(NetworkParts, ShuffledChannels) {
  NetworkBuilder b;
  const Value x = b.layer(b.image(), {.k = 24, .r = 3});
  Value y = b.graph.reshape(
      x, {{.of = x, .axis = 0}, {3}, {8}, {.of = x, .axis = 2}, {.of = x, .axis = 3}});
  y = b.graph.transpose(y, {0, 2, 1, 3, 4});
  y = b.graph.reshape(y, {{.of = x, .axis = 0}, {24}, {.of = x, .axis = 2}, {.of = x, .axis = 3}});
  b.graph.output(b.layer(y, {.k = 24, .groups = 3}), "y");
  expect_parts(b.graph, {.concat_steps = 0, .layout_steps = 1});
}

// Residual and inverted blocks read and write parts, too.
TEST(NetworkParts, OfBlocks) {
  NetworkBuilder b;
  const Value x = b.layer(b.image(), {.k = 32, .r = 3});
  const Value left = b.graph.slice(x, 1, 0, 16), right = b.graph.slice(x, 1, 16, 32);
  const Value m = b.bottleneck(right, 16, 16), n = b.bottleneck(m, 16, 32);
  const Value wide = b.layer(right, {.k = 48}, Activation::relu6);
  const Value deep = b.layer(wide, {.k = 48, .r = 3, .groups = 48}, Activation::relu6);
  const Value inverted = b.graph.add(b.norm(b.conv(deep, {.k = 16})), right);
  b.graph.output(b.layer(b.graph.concat({m, n, inverted, left}, 1), {.k = 32}), "y");
  const NetworkPlanOptions options = {.n = kBatch, .h = kRows, .w = kColumns};
  const std::vector<Bytes> inputs = {seeded_images(std::size_t{kBatch} * 3 * kRows * kColumns, 3)};
  const NetworkPlan plan = value_of(value_of(Network::create(b.graph)).plan(options));
  EXPECT_EQ(count_steps(plan, "stage"), 3) << plan.explanation().to_string();
  EXPECT_EQ(count_steps(plan, "concat"), 1);  // half of a convolution
  EXPECT_EQ(count_steps(plan, "layout"), 0);
  const Graph operations = value_of(fused(b.graph));
  const NetworkPlan copies =
      value_of(value_of(Network::create(operations, {.fuse = false})).plan(options));
  EXPECT_EQ(run_network(plan, inputs).outputs, run_network(copies, inputs).outputs);
}

// What a dense block moves beside its convolutions' own bytes: nothing.
TEST(NetworkParts, DenseBlocksMoveNoCopies) {
  if (cuemu_present() == 0) GTEST_SKIP() << "counters need the emulator";
  NetworkBuilder b;
  Value y = b.layer(b.image(32), {.k = 64, .r = 3});
  for (int layer = 0; layer < 3; ++layer)
    y = b.graph.concat({y, b.layer(b.layer(y, {.k = 64}), {.k = 32, .r = 3})}, 1);
  b.graph.output(b.layer(y, {.k = 32}), "y");
  check(b.graph.status());
  const std::vector<Bytes> inputs = {seeded_images(std::size_t{kBatch} * 32 * kRows * kColumns, 3)};
  const auto counted = [&](const NetworkPlan& plan) {
    const harness::NetworkBuffersOfPlan memory(plan, inputs);
    cuemu_counters counters{};
    cuemu_reset_counters();
    check(plan.run(memory.buffers()));
    check(cudaDeviceSynchronize(), "a network");
    cuemu_read_counters(&counters);
    return counters;
  };
  const auto moved = [](const cuemu_counters& counters) {
    return counters.global_load.unique_bytes + counters.global_store.unique_bytes;
  };
  const cuemu_counters in_place = counted(PartsTest::planned(b.graph, {}, kBatch));
  const Graph operations = value_of(fused(b.graph));
  const cuemu_counters copied = counted(PartsTest::planned(operations, {.fuse = false}, kBatch));
  // The image, three layers of two convolutions, what is before and behind, and the output.
  EXPECT_EQ(in_place.launches, 10u);
  EXPECT_EQ(copied.launches, 16u);
  constexpr int kCopiedChannels = 96 + 128 + 160;
  constexpr double kCopies = 2.0 * 2 * kCopiedChannels * kBatch * kRows * kColumns;
  // Parts do not begin at whole lines of 128 bytes.
  EXPECT_GE(static_cast<double>(moved(copied) - moved(in_place)), 0.97 * kCopies);
}

}  // namespace
}  // namespace foldconv::kernel_tests
