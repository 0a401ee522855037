// SPDX-License-Identifier: MIT
// Which convolutions become blocks and stems, and which stay.
#include <gtest/gtest.h>

#include <variant>
#include <vector>

#include "host/network/graph_builder.hpp"

namespace foldconv::test {
namespace {

Value basic(Builder& b, Value x, int k, int stride = 1) {
  const bool projected = stride != 1 || b.graph.extents(x)[1] != k;
  const Value t = b.norm(b.conv(b.layer(x, k, 3, stride), k, 3));
  return b.relu(b.graph.add(projected ? b.norm(b.conv(x, k, 1, stride)) : x, t));
}

TEST(Fusion, FindsRunsOfBlocks) {
  Builder b;
  Value x = b.layer(b.image(), 16, 7, 2);
  x = bottleneck(b, x, 8, 32);
  x = bottleneck(b, x, 8, 32);
  x = bottleneck(b, x, 16, 64, 2);
  x = bottleneck(b, x, 16, 64, 2, true);
  x = basic(b, x, 64);
  x = basic(b, x, 32, 2);
  const Graph graph = b.fused(b.graph.global_pool(x, PoolKind::average));
  EXPECT_EQ(operations(graph), 3) << graph.to_string();
  const std::vector<op::Block>& blocks = only<op::Stage>(graph).blocks;
  ASSERT_EQ(blocks.size(), 6u);
  EXPECT_EQ(blocks[0].path.size(), 3u);
  EXPECT_TRUE(blocks[0].downsample.has_value());
  EXPECT_FALSE(blocks[1].downsample.has_value());
  EXPECT_EQ(blocks[2].stride, 2);
  EXPECT_EQ(blocks[2].stride_at, StrideAt::conv2);
  EXPECT_EQ(blocks[3].stride_at, StrideAt::conv1);
  EXPECT_EQ(blocks[4].path.size(), 2u);
  EXPECT_EQ(blocks[5].stride, 2);
  EXPECT_EQ(blocks[5].last, Activation::relu);
}

struct Inverted {
  int middle, k, r = 3, stride = 1;
  bool residual = false;
  Activation inner = Activation::relu6;
};
// middle 0: without expand.
Value inverted(Builder& b, Value x, const Inverted& block) {
  const auto end = [&](Value y) { return b.graph.activate(b.norm(y), block.inner); };
  const Value t1 = block.middle > 0 ? end(b.conv(x, block.middle)) : x;
  const int middle = static_cast<int>(b.graph.extents(t1)[1]);
  const Value t2 = end(b.conv(t1, middle, block.r, block.stride, middle));
  const Value y = b.norm(b.conv(t2, block.k));
  return block.residual ? b.graph.add(y, x) : y;
}

TEST(Fusion, FindsRunsOfInvertedBlocks) {
  Builder b;
  Value x = b.layer(b.image(), 16, 3, 2);
  x = inverted(b, x, {.middle = 0, .k = 24});
  x = inverted(b, x, {.middle = 144, .k = 24, .r = 5, .residual = true});
  x = inverted(b, x, {.middle = 144, .k = 40, .r = 5, .stride = 2});
  x = bottleneck(b, x, 8, 40);
  x = b.relu(inverted(b, x, {.middle = 80, .k = 40, .residual = true}));
  const Graph graph = b.fused(b.graph.global_pool(x, PoolKind::average));
  EXPECT_EQ(operations(graph), 3) << graph.to_string();
  const std::vector<op::Block>& blocks = only<op::Stage>(graph).blocks;
  ASSERT_EQ(blocks.size(), 5u);
  EXPECT_FALSE(blocks[3].inverted);
  for (const int i : {0, 1, 2, 4}) {
    const op::Block& block = blocks[static_cast<std::size_t>(i)];
    SCOPED_TRACE(i);
    EXPECT_TRUE(block.inverted);
    EXPECT_EQ(block.path.size(), i == 0 ? 2u : 3u);
    EXPECT_EQ(block.residual, i == 1 || i == 4);
    EXPECT_EQ(block.stride, i == 2 ? 2 : 1);
    EXPECT_EQ(block.inner, Activation::relu6);
    EXPECT_EQ(block.last, i == 4 ? Activation::relu : Activation::none);
  }
}

// The last of a depthwise and a 1x1, each with an activation, becomes no expand of the next one.
TEST(Fusion, FindsBlocksOfADepthwiseAndA1x1) {
  Builder b;
  Value x = b.image();
  for (const int k : {16, 32, 32}) x = b.relu(inverted(b, x, {.middle = 0, .k = k, .stride = 2}));
  const Graph graph = b.fused(x);
  EXPECT_EQ(operations(graph), 1) << graph.to_string();
  for (const op::Block& block : only<op::Stage>(graph).blocks) {
    EXPECT_EQ(block.path.size(), 2u);
    EXPECT_EQ(block.last, Activation::relu);
  }
}

// Another activation behind the expand than behind the depthwise: the expand stays a convolution.
TEST(Fusion, LeavesAnExpandOfAnotherActivation) {
  Builder b;
  const Value x = b.graph.activate(b.norm(b.conv(b.image(), 48)), Activation::silu);
  const Graph graph = b.fused(inverted(b, x, {.middle = 0, .k = 16}));
  EXPECT_EQ(operations(graph), 2) << graph.to_string();
  EXPECT_EQ(only<op::Stage>(graph).blocks.front().path.size(), 2u);
  EXPECT_EQ(only<op::Conv>(graph).activation, Activation::silu);
}

TEST(Fusion, LeavesWhatIsNoInvertedBlock) {
  const auto stages = [](auto&& make) {
    Builder b;
    const Graph graph = b.fused(make(b, b.image()));
    int count = 0;
    for (const GraphNode& node : graph.nodes())
      count += std::holds_alternative<op::Stage>(node.operation);
    return count;
  };
  EXPECT_EQ(stages([](Builder& b, Value x) { return inverted(b, x, {.middle = 48, .k = 8}); }), 1);
  EXPECT_EQ(
      stages([](Builder& b, Value x) { return inverted(b, x, {.middle = 48, .k = 8, .r = 7}); }), 0)
      << "of 7x7";
  EXPECT_EQ(stages([](Builder& b, Value x) {
              return inverted(b, x, {.middle = 48, .k = 8, .stride = 3});
            }),
            0)
      << "of stride 3";
  // What the depthwise makes is read twice: squeeze and excite.
  EXPECT_EQ(stages([](Builder& b, Value x) {
              const Value t = b.relu(b.conv(b.conv(x, 48), 48, 3, 1, 48));
              const Value gate = b.conv(b.graph.global_pool(t, PoolKind::average), 48);
              return b.conv(b.graph.multiply(t, gate), 8);
            }),
            0)
      << "a gate between depthwise and project";
  EXPECT_EQ(stages([](Builder& b, Value x) {
              const Value other = b.relu(x);
              return b.graph.add(inverted(b, x, {.middle = 48, .k = 8}), other);
            }),
            0)
      << "what is added is not its input";
  // Two channels a group.
  EXPECT_EQ(stages([](Builder& b, Value x) { return b.conv(b.relu(b.conv(x, 8, 3, 1, 4)), 16); }),
            0)
      << "no depthwise";
  EXPECT_EQ(stages([](Builder& b, Value x) {
              const Value t = b.graph.conv(x, {.weights = filled({8, 1, 3, 3}, 1),
                                               .pad = Padding::same(2),
                                               .dilation = {2, 2},
                                               .groups = 8});
              return b.conv(t, 16);
            }),
            0)
      << "dilated";
}

// As large as before by chance: one row, stride 2.
TEST(Fusion, AddsNoInputAcrossAStride) {
  Builder b;
  const Value x = b.graph.input("image", {kOpen, 8, 1, 1});
  const Graph graph =
      b.fused(inverted(b, x, {.middle = 16, .k = 8, .stride = 2, .residual = true}));
  EXPECT_EQ(operations(graph), 3) << graph.to_string();
}

TEST(Fusion, TakesPaddingOfAnInvertedBlockAsItIs) {
  Builder b;
  const Value t = b.graph.conv(b.image(), {.weights = filled({8, 1, 3, 3}, 1),
                                           .stride = {2, 2},
                                           .pad = {.top = 0, .bottom = 1, .left = 0, .right = 1},
                                           .groups = 8});
  const Graph graph = b.fused(b.conv(t, 16));
  const op::Block& block = only<op::Stage>(graph).blocks.front();
  EXPECT_EQ(block.path.front().conv.pad, (Padding{0, 1, 0, 1}));
  EXPECT_EQ(block.inner, Activation::none);
}

// A bottleneck whose 3x3 is depthwise may have a projection, which an inverted block has not.
TEST(Fusion, ProjectionsMakeBottlenecksOfDepthwise3x3s) {
  Builder b;
  const Value x = b.image();
  const Value t = b.relu(b.conv(b.relu(b.conv(x, 16)), 16, 3, 1, 16));
  const Graph graph = b.fused(b.graph.add(b.conv(t, 32), b.conv(x, 32)));
  const op::Block& block = only<op::Stage>(graph).blocks.front();
  EXPECT_FALSE(block.inverted);
  EXPECT_TRUE(block.downsample.has_value());
}

// The first convolution and its pooling; blocks come first, and keep a convolution of theirs that could be a stem.
TEST(Fusion, MakesStems) {
  const PoolNode pool = {.window = {3, 3}, .stride = {2, 2}, .pad = Padding::same(1)};
  const auto begin = [&](Builder& b) {
    return b.graph.pool(b.layer(b.graph.input("image", {kOpen, 3, kOpen, kOpen}), 64, 7, 2), pool,
                        "pooled");
  };
  Builder b;
  const Graph graph = b.fused(begin(b));
  EXPECT_EQ(operations(graph), 1) << graph.to_string();
  const auto& stem = only<op::Stem>(graph);
  ASSERT_TRUE(stem.pool.has_value());
  EXPECT_EQ(stem.pool->pad, Padding::same(1));
  EXPECT_EQ(stem.conv.activation, Activation::relu);
  EXPECT_TRUE(stem.conv.batch_norm.has_value());
  for (const NetworkOptions& how :
       {NetworkOptions{.dtype = DataType::f32}, NetworkOptions{.blocks = false}}) {
    Builder apart;
    EXPECT_EQ(operations(apart.fused(begin(apart), how)), 2);
  }
  Builder block;
  const Value image = block.graph.input("image", {kOpen, 3, kOpen, kOpen});
  EXPECT_EQ(only<op::Stage>(block.fused(basic(block, image, 8, 2))).blocks.size(), 1u);
}

// What is read between two blocks divides the run.
TEST(Fusion, DividesRunsWhereATensorIsAnOutput) {
  Builder b;
  const Value first = bottleneck(b, b.image(), 8, 32);
  b.graph.output(first, "first");
  const Graph graph = b.fused(bottleneck(b, first, 8, 32));
  EXPECT_EQ(operations(graph), 2) << graph.to_string();
}

TEST(Fusion, LeavesWhatIsNoBlock) {
  Builder b;
  const Value x = b.image();
  Value y = b.graph.activate(b.norm(b.conv(x, 8)), Activation::silu);
  y = b.norm(b.conv(b.layer(y, 8, 3), 8));
  const Graph graph = b.fused(b.relu(b.graph.add(y, x)));
  EXPECT_EQ(operations(graph), 3) << "its inner activations differ\n" << graph.to_string();
}

}  // namespace
}  // namespace foldconv::test
