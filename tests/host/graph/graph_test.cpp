// SPDX-License-Identifier: MIT
// Graph: shapes known and open, and what each wrong call says.
#include "foldconv/graph.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "host/expect_error.hpp"

namespace foldconv::test {
namespace {

Constant zeros(Extents extents) {
  std::int64_t count = 1;
  for (const std::int64_t d : extents) count *= d;
  return Constant(std::move(extents), std::vector<float>(static_cast<std::size_t>(count)));
}

struct GraphShapes : testing::Test {
  Graph graph;
  Value open = graph.input("open", {kOpen, 3, kOpen, kOpen});
  Value known = graph.input("known", {2, 8, 9, 11});

  std::string shape(Value x) const {
    EXPECT_TRUE(graph.status().ok()) << graph.status().message();
    return to_string(graph.extents(x));
  }
};

TEST_F(GraphShapes, AreThoseOfTheOperations) {
  EXPECT_EQ(shape(graph.conv(
                known, {.weights = zeros({4, 8, 3, 2}), .stride = {2, 3}, .pad = {1, 0, 2, 1}})),
            "2x4x4x5");
  EXPECT_EQ(shape(graph.conv(open, {.weights = zeros({4, 3, 1, 1})})), "?x4x?x?");
  EXPECT_EQ(shape(graph.pool(known, {.window = {3, 3}, .stride = {2, 2}, .pad = Padding::same(1)})),
            "2x8x5x6");
  EXPECT_EQ(shape(graph.pool(known, {.window = {2, 2}, .stride = {2, 2}})), "2x8x4x5");
  EXPECT_EQ(shape(graph.pool(known, {.window = {2, 2}, .stride = {2, 2}, .ceil_mode = true})),
            "2x8x5x6");
  EXPECT_EQ(shape(graph.global_pool(open, PoolKind::average)), "?x3x1x1");
  EXPECT_EQ(shape(graph.flatten(known)), "2x792");
  EXPECT_EQ(shape(graph.flatten(graph.global_pool(open, PoolKind::max))), "?x3");
  EXPECT_EQ(shape(graph.transpose(known, {0, 2, 3, 1})), "2x9x11x8");
  EXPECT_EQ(shape(graph.concat({known, known}, -3)), "2x16x9x11");
  EXPECT_EQ(shape(graph.slice(known, 2, 1, -1, 3)), "2x8x3x11");
  EXPECT_EQ(shape(graph.slice(known, 2, -1, -100, -2)), "2x8x5x11");
  EXPECT_EQ(shape(graph.pad(known, {0, 0, 1, -2}, {0, 0, 0, 3})), "2x8x10x12");
  EXPECT_EQ(shape(graph.resize_nearest(known, 2, 3)), "2x8x18x33");
  EXPECT_EQ(shape(graph.add(known, graph.constant(zeros({8, 1, 1})))), "2x8x9x11");
  EXPECT_EQ(shape(graph.linear(graph.flatten(known), {.weights = zeros({10, 792})})), "2x10");
}

// A last window that would begin in the padding behind the image is dropped.
TEST_F(GraphShapes, CeilModeDropsAWindowInThePadding) {
  const Value x = graph.input("x", {1, 1, 4, 5});
  EXPECT_EQ(shape(graph.pool(
                x, {.window = {1, 1}, .stride = {3, 3}, .pad = {0, 1, 0, 1}, .ceil_mode = true})),
            "1x1x2x2");
}

TEST_F(GraphShapes, ReshapesByNumbersRestsAndOtherTensors) {
  EXPECT_EQ(shape(graph.reshape(known, {{2}, {kOpen}, {11}})), "2x72x11");
  EXPECT_EQ(shape(graph.reshape(graph.global_pool(open, PoolKind::max),
                                {{.of = open, .axis = 0}, {kOpen}})),
            "?x3");
  EXPECT_EQ(shape(graph.reshape(known, {{.of = known, .axis = -1}, {kOpen}})), "11x144");
}

TEST_F(GraphShapes, NamesAreUniqueAndFound) {
  const Value y = graph.activate(known, Activation::relu, "y");
  EXPECT_EQ(graph.find("y"), y);
  EXPECT_EQ(graph.find("nothing"), Value{});
  EXPECT_EQ(graph.name(y), "y");
  graph.activate(known, Activation::relu, "y");
  EXPECT_TRUE(fails_with(graph.status(), kInvalid, {"two tensors of one name", "\"y\""}));
}

// Models number their tensors, too.
TEST_F(GraphShapes, UnnamedTensorsTakeNoGivenName) {
  std::vector<Value> unnamed, named;
  for (int i = 0; i < 20; ++i) {
    unnamed.push_back(graph.activate(known, Activation::relu));
    named.push_back(graph.activate(known, Activation::relu, std::to_string(i)));
  }
  ASSERT_TRUE(graph.status().ok()) << graph.status().message();
  for (int i = 0; i < 20; ++i) {
    const auto at = static_cast<std::size_t>(i);
    EXPECT_EQ(graph.find(std::to_string(i)), named[at]);
    EXPECT_EQ(graph.find(graph.name(unnamed[at])), unnamed[at]);
  }
}
TEST_F(GraphShapes, AnUnnamedTensorAvoidsANameLikeItsOwn) {
  Graph other = graph;
  const std::string taken = other.name(other.activate(known, Activation::relu));
  Graph again;
  again.input(taken, {1});
  again.input("known", {1});
  const Value x = again.activate(again.find("known"), Activation::relu);
  ASSERT_TRUE(again.status().ok()) << again.status().message();
  EXPECT_NE(again.name(x), taken);
}

TEST_F(GraphShapes, ACopyIsAGraphOfItsOwn) {
  Graph copy = graph;
  copy.activate(known, Activation::relu, "only here");
  EXPECT_EQ(graph.find("only here"), Value{});
  EXPECT_NE(copy.find("only here"), Value{});
}

// The first error stays, and says where.
TEST_F(GraphShapes, TheFirstErrorStays) {
  graph.set_origin("node \"Conv_3\" (Conv, opset 13)");
  const Value bad = graph.conv(known, {.weights = zeros({4, 7, 3, 3})});
  EXPECT_EQ(bad, Value{});
  graph.conv(bad, {.weights = zeros({4, 4, 1, 1})});
  EXPECT_TRUE(fails_with(graph.status(), kInvalid,
                         {"node \"Conv_3\" (Conv, opset 13)", "2x8x9x11", "4x7x3x3"}));
}

struct WrongCall {
  const char* name;
  void (*make)(Graph& graph, Value x);  // x: 2x8x9x11
  ErrorCode code;
  std::initializer_list<std::string_view> parts;
};

const WrongCall kWrongCalls[] = {
    {"NoWeights",
     [](Graph& g, Value x) { g.conv(x, {.weights = {}}); },
     ErrorCode::unsupported,
     {"weights", "none"}},
    {"WeightsOfThreeExtents",
     [](Graph& g, Value x) {
       g.conv(x, {.weights = zeros({4, 8, 3})});
     },
     ErrorCode::unsupported,
     {"4x8x3"}},
    {"Groups",
     [](Graph& g, Value x) {
       g.conv(x, {.weights = zeros({5, 4, 3, 3}), .groups = 2});
     },
     kInvalid,
     {"k = 5, groups = 2"}},
    {"Stride",
     [](Graph& g, Value x) {
       g.conv(x, {.weights = zeros({4, 8, 3, 3}), .stride = {0, 1}});
     },
     kInvalid,
     {"stride"}},
    {"Bias",
     [](Graph& g, Value x) {
       g.conv(x, {.weights = zeros({4, 8, 3, 3}), .bias = zeros({5})});
     },
     kInvalid,
     {"5 elements, 4 channels"}},
    {"TooSmall",
     [](Graph& g, Value x) {
       g.conv(x, {.weights = zeros({4, 8, 10, 3})});
     },
     kInvalid,
     {"larger than the padded image"}},
    {"Padding",
     [](Graph& g, Value x) {
       g.conv(x, {.weights = zeros({4, 8, 3, 3}), .pad = {1 << 30, 1 << 30, 0, 0}});
     },
     kInvalid,
     {"padding"}},
    {"NoStatistics",
     [](Graph& g, Value x) {
       g.batch_norm(x, {.mean = {}, .variance = zeros({8}), .eps = Epsilon(0)});
     },
     kInvalid,
     {"mean or variance"}},
    {"Statistics",
     [](Graph& g, Value x) {
       g.batch_norm(x, {.mean = zeros({8}), .variance = zeros({9}), .eps = Epsilon(0)});
     },
     kInvalid,
     {"variance", "9 elements"}},
    {"Broadcast",
     [](Graph& g, Value x) {
       g.add(x, g.constant(zeros({7, 1, 1})));
     },
     kInvalid,
     {"do not broadcast", "7x1x1"}},
    {"Concat",
     [](Graph& g, Value x) {
       g.concat({x, g.constant(zeros({2, 8, 9, 12}))}, 1);
     },
     kInvalid,
     {"another axis"}},
    {"ConcatOfNothing", [](Graph& g, Value) { g.concat({}, 1); }, kInvalid, {"0 tensors"}},
    {"Axis", [](Graph& g, Value x) { g.softmax(x, 4); }, kInvalid, {"axis 4 of 4", "-4 to 3"}},
    {"EmptySlice", [](Graph& g, Value x) { g.slice(x, 1, 5, 5); }, kInvalid, {"empty slice"}},
    {"StepOfZero", [](Graph& g, Value x) { g.slice(x, 1, 0, 5, 0); }, kInvalid, {"step"}},
    {"Order",
     [](Graph& g, Value x) {
       g.transpose(x, {0, 1, 1, 3});
     },
     kInvalid,
     {"{0, 1, 1, 3}"}},
    {"Reshape",
     [](Graph& g, Value x) {
       g.reshape(x, {{5}, {kOpen}});
     },
     kInvalid,
     {"number of elements"}},
    {"TwoRests",
     [](Graph& g, Value x) {
       g.reshape(x, {{kOpen}, {kOpen}});
     },
     kInvalid,
     {"second"}},
    {"Pads",
     [](Graph& g, Value x) {
       g.pad(x, {0, 0}, {0, 0});
     },
     kInvalid,
     {"2 and 2", "give 4"}},
    {"PadOfANumber",
     [](Graph& g, Value) { g.pad(g.constant(zeros({})), {}, {}); },
     ErrorCode::unsupported,
     {"scalar"}},
    {"NothingLeft",
     [](Graph& g, Value x) {
       g.pad(x, {0, 0, -5, 0}, {0, 0, -4, 0});
     },
     kInvalid,
     {"leaves nothing"}},
    {"Linear",
     [](Graph& g, Value x) {
       g.linear(x, {.weights = zeros({4, 12})});
     },
     kInvalid,
     {"last extent", "11"}},
    {"LinearWeightsOfAnotherLength",
     [](Graph& g, Value x) {
       g.linear(x, {.weights = Constant({4, 11}, std::vector<float>(43))});
     },
     kInvalid,
     {"4x11, 43 values"}},
    {"WeightsOfAnotherLength",
     [](Graph& g, Value x) {
       g.conv(x, {.weights = Constant({4, 8, 1, 1}, std::vector<float>(33))});
     },
     kInvalid,
     {"4x8x1x1, 33 values"}},
    {"Factor", [](Graph& g, Value x) { g.resize_nearest(x, 0, 1); }, kInvalid, {"0x1"}},
    {"Activation",
     [](Graph& g, Value x) { g.activate(x, {static_cast<Activation::Kind>(77)}); },
     kInvalid,
     {"77"}},
    {"ConstantOfAnotherLength",
     [](Graph& g, Value) {
       g.constant(Constant({3, 4}, std::vector<float>(11)));
     },
     kInvalid,
     {"3x4, 11 values"}},
    {"EmptyConstant",
     [](Graph& g, Value) {
       g.constant(Constant({0, 4}, std::vector<float>()));
     },
     kInvalid,
     {"0x4, 0 values", "1 or more"}},
    {"ConstantThatOverflows",
     [](Graph& g, Value) {
       g.constant(Constant({std::int64_t{1} << 62, 4}, std::vector<float>(1)));
     },
     kInvalid,
     {"1 values"}},
    {"NoConstant", [](Graph& g, Value) { g.constant({}); }, kInvalid, {"0 values"}},
    {"SevenExtents",
     [](Graph& g, Value) {
       g.input("seven", {1, 1, 1, 1, 1, 1, 1});
     },
     ErrorCode::unsupported,
     {"up to 6"}},
    {"InputOfNothing",
     [](Graph& g, Value) {
       g.input("empty", {1, 0});
     },
     kInvalid,
     {"between 1 and 2^31 - 1"}},
    {"ForeignValue",
     [](Graph& g, Value) { g.activate({12345}, Activation::relu); },
     kInvalid,
     {"no tensor of this graph", "12345"}},
    {"ForeignOutput",
     [](Graph& g, Value) { g.output({}, "y"); },
     kInvalid,
     {"no tensor of this graph"}},
    {"OutputsOfOneName",
     [](Graph& g, Value x) {
       g.output(x, "y");
       g.output(x, "y");
     },
     kInvalid,
     {"two outputs of one name"}},
};

class GraphWrongCalls : public testing::TestWithParam<WrongCall> {};

TEST_P(GraphWrongCalls, SayWhatIsWrong) {
  Graph graph;
  const Value x = graph.input("x", {2, 8, 9, 11});
  GetParam().make(graph, x);
  EXPECT_TRUE(fails_with(graph.status(), GetParam().code, GetParam().parts));
}

INSTANTIATE_TEST_SUITE_P(All, GraphWrongCalls, testing::ValuesIn(kWrongCalls),
                         [](const auto& tested) { return std::string(tested.param.name); });

}  // namespace
}  // namespace foldconv::test
