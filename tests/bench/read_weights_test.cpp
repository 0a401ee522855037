// SPDX-License-Identifier: MIT
#include "weights/read_weights.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "bench/state_dict.hpp"
#include "harness/caught.hpp"
#include "harness/problem/text.hpp"

namespace foldconv::tool {
namespace {

using harness::Problem;
using test::StateDict;

// A basic block that reads c channels and writes k.
void add_block(StateDict& dict, const std::string& prefix, int k, int c) {
  dict.add_layer(prefix + "conv1", prefix + "bn1", k, c, 3);
  dict.add_layer(prefix + "conv2", prefix + "bn2", k, k, 3);
  if (k != c) dict.add_layer(prefix + "downsample.0", prefix + "downsample.1", k, c, 1);
}

void add_stage(StateDict& dict, const std::string& prefix, int blocks, int k, int c) {
  for (int i = 0; i < blocks; ++i) {
    add_block(dict, prefix + std::to_string(i) + ".", k, i == 0 ? c : k);
  }
}

// As torchvision's ResNets: a stem, an output layer, and of the stages all but the first begin with a downsample.
StateDict network(const std::string& prefix = "") {
  StateDict dict;
  dict.add_layer(prefix + "conv1", prefix + "bn1", 2, 3, 7);
  dict.set(prefix + "fc.weight", {5, 8});
  add_stage(dict, prefix + "layer1.", 2, 2, 2);
  add_stage(dict, prefix + "layer2.", 2, 4, 2);
  add_stage(dict, prefix + "layer3.", 2, 8, 4);
  return dict;
}

std::vector<Problem> read(const StateDict& dict, const WeightsOptions& options) {
  return read_weights(dict.file(), options);
}

// Name and descriptor of each.
std::vector<std::string> texts(const std::vector<Problem>& problems) {
  std::vector<std::string> all;
  all.reserve(problems.size());
  for (const Problem& problem : problems) {
    all.push_back(problem.name + ": " + descriptor_of(problem));
  }
  return all;
}
using Texts = std::vector<std::string>;

void expect_refusal(const StateDict& dict, const WeightsOptions& options, const std::string& part,
                    ErrorCode code = ErrorCode::invalid_argument) {
  const std::string message = harness::message_of([&] { read(dict, options); }, code);
  EXPECT_TRUE(harness::names(message, part));
  EXPECT_EQ(message.find("(memory): "), 0U) << message;
}

TEST(ReadWeights, ABlockIsAProblemAndAStageARun) {
  EXPECT_EQ(texts(read(network(), {.prefixes = {"layer2.0"}, .strides = {2}})),
            (Texts{"layer2.0: mb1_ih56_ic2oc4_s2"}));
  EXPECT_EQ(texts(read(network(), {.prefixes = {"layer2"}, .strides = {2}})),
            (Texts{"layer2: mb1_ih56_ic2oc4_s2_x2"}));
  EXPECT_EQ(texts(read(network("module."), {.prefixes = {"module.layer1."}})),
            (Texts{"module.layer1.: mb1_ih56_ic2oc2_x2"}));
}

TEST(ReadWeights, EachBlockOfAStageHasItsOwnWeights) {
  const StateDict dict = network();
  const std::vector<Problem> problems = read(dict, {.prefixes = {"layer2"}, .strides = {2}});
  const std::vector<harness::Line>& lines = problems.front().lines;
  ASSERT_EQ(lines.size(), 2U);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::vector<float> written = dict.values("layer2." + std::to_string(i) + ".conv2.weight");
    const auto read = lines[i].convs[1].weights.values;
    EXPECT_EQ(std::vector<float>(read.begin(), read.end()), written) << i;
  }
}

TEST(ReadWeights, BlocksOfAStageAreInTheOrderOfTheirNumbers) {
  StateDict dict;
  add_stage(dict, "layer3.", 12, 4, 4);
  const std::vector<Problem> problems = read(dict, {.prefixes = {"layer3"}});
  const std::vector<harness::Line>& lines = problems.front().lines;
  ASSERT_EQ(lines.size(), 12U);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    EXPECT_EQ(lines[i].convs.front().weights.values.front(),
              dict.values("layer3." + std::to_string(i) + ".conv1.weight").front());
  }
}

// As in the network: the input of the first prefix has the size that is given.
TEST(ReadWeights, SizesFollowFromTheOutputBefore) {
  EXPECT_EQ(texts(read(network(), {.prefixes = {"layer1", "layer2", "layer3.0", "layer3.1"},
                                   .strides = {2, 2},
                                   .h = 28,
                                   .w = 22})),
            (Texts{"layer1: mb1_ih28iw22_ic2oc2_x2", "layer2: mb1_ih28iw22_ic2oc4_s2_x2",
                   "layer3.0: mb1_ih14iw11_ic4oc8_s2", "layer3.1: mb1_ih7iw6_ic8oc8"}));
}

TEST(ReadWeights, StridesGoToTheBlocksWithADownsample) {
  EXPECT_EQ(texts(read(network(), {.prefixes = {"layer1.1", "layer2.0", "layer2.1", "layer3"},
                                   .strides = {1, 2}})),
            (Texts{"layer1.1: mb1_ih56_ic2oc2", "layer2.0: mb1_ih56_ic2oc4",
                   "layer2.1: mb1_ih56_ic4oc4", "layer3: mb1_ih56_ic4oc8_s2_x2"}));
}

TEST(ReadWeights, WhatTheStateDictDoesNotTellIsOfAllBlocks) {
  StateDict dict;
  for (const std::string block : {"a.0.", "a.1."}) {
    dict.add_layer(block + "conv1", block + "bn1", 4, 8, 1);
    dict.add_layer(block + "conv2", block + "bn2", 4, 4, 3);
    dict.add_layer(block + "conv3", block + "bn3", 8, 4, 1);
  }
  dict.add_layer("a.0.downsample.0", "a.0.downsample.1", 8, 8, 1);
  std::vector<Problem> problems =
      read(dict,
           {.prefixes = {"a"}, .strides = {2}, .stride_at = StrideAt::conv1, .eps = Epsilon{1e-3}});
  EXPECT_EQ(texts(problems), (Texts{"a: mb1_ih56_ic8mid4oc8_s2_v1_x2"}));
  for (const harness::LineConv* conv : problems.front().convs()) {
    EXPECT_EQ(conv->batch_norm->eps.value, 1e-3);
  }
}

TEST(ReadWeights, AForgottenStrideIsRefused) {
  expect_refusal(network(), {.prefixes = {"layer1", "layer2", "layer3.0"}},
                 "it does not tell the stride of a block with a downsample: `layer2.0`, "
                 "`layer3.0`; give --stride N, with commas between those of several blocks "
                 "(torchvision's layer1.0 has 1; layer2.0, layer3.0 and layer4.0 have 2)");
  StateDict same_channels = test::basic_block("b.");
  same_channels.add_layer("b.downsample.0", "b.downsample.1", 4, 4, 1);
  expect_refusal(same_channels, {.prefixes = {"b"}}, "downsample: `b`; give --stride N");
}

TEST(ReadWeights, StridesAreAsManyAsTheBlocksWithADownsample) {
  const std::vector<std::string> both = {"layer2", "layer3"};
  expect_refusal(network(), {.prefixes = both, .strides = {2}},
                 "1 stride is given, wanted are 2, one for each block with a downsample: "
                 "`layer2.0`, `layer3.0`; give --stride N, with commas between");
  expect_refusal(network(), {.prefixes = both, .strides = {2, 1, 2}},
                 "3 strides are given, wanted are 2");
  expect_refusal(network(), {.prefixes = {"layer2"}, .strides = {1, 2}},
                 "2 strides are given, wanted is 1, one for each");
  expect_refusal(network(), {.prefixes = {"layer1", "layer2.1"}, .strides = {1}},
                 "no block has a downsample, so that all have stride 1; leave out --stride");
}

TEST(ReadWeights, WithoutAPrefixTheTopLevelIsMeant) {
  StateDict stage;
  add_stage(stage, "", 2, 4, 4);
  EXPECT_EQ(texts(read(stage, {.file = "folder/layer1.safetensors"})),
            (Texts{"layer1: mb1_ih56_ic4oc4_x2"}));
  EXPECT_EQ(texts(read(test::basic_block(""), {.file = "block.safetensors"})),
            (Texts{"block: mb1_ih56_ic4oc4"}));
}

// Its first convolution is none of a block.
TEST(ReadWeights, AWholeNetworkTellsItsPrefixes) {
  expect_refusal(network(), {},
                 "tensor `conv2.weight` is missing; give the prefix of a block: `layer1.0`, "
                 "`layer1.1`, `layer2.0`, `layer2.1`, `layer3.0`, `layer3.1`; or of all blocks "
                 "of a stage: `layer1`, `layer2`, `layer3`");
  expect_refusal(network("module."), {.prefixes = {"layer1"}}, "stage: `module.layer1`");
}

TEST(ReadWeights, OfManyPrefixesTheFirstAreTold) {
  StateDict dict;
  add_stage(dict, "s.", 8, 2, 2);
  expect_refusal(dict, {.prefixes = {"t"}}, "`s.6`, `s.7`; or of all blocks of a stage: `s`");
  add_block(dict, "u.", 2, 2);
  expect_refusal(dict, {.prefixes = {"t"}}, "`s.7`, ... (9 in all); or");
}

TEST(ReadWeights, APrefixEndsWhereANameDoes) {
  StateDict dict;
  add_stage(dict, "layer1.", 2, 2, 2);
  add_stage(dict, "layer10.", 3, 4, 4);
  dict.set("layer1_norm.weight", {4});
  EXPECT_EQ(texts(read(dict, {.prefixes = {"layer1", "layer10"}})),
            (Texts{"layer1: mb1_ih56_ic2oc2_x2", "layer10: mb1_ih56_ic4oc4_x3"}));
}

TEST(ReadWeights, AStageIsWhole) {
  StateDict dict;
  for (const char* block : {"s.0.", "s.1.", "s.3."}) add_block(dict, block, 4, 4);
  expect_refusal(dict, {.prefixes = {"s"}}, "block `s.2` is missing, but `s.3` is there");
  StateDict broken;
  add_stage(broken, "s.", 3, 4, 4);
  broken.erase("s.1.conv1.weight");
  expect_refusal(broken, {.prefixes = {"s"}}, "tensor `s.1.conv1.weight` is missing");
  StateDict more;
  add_stage(more, "s.", 2, 4, 4);
  for (const char* name : {"s.scale", "s.norm.weight", "s.01.conv1.weight", "s.-1.conv1.weight"}) {
    StateDict with_other = more;
    with_other.set(name, {4});
    expect_refusal(with_other, {.prefixes = {"s"}},
                   "tensor `" + std::string(name) + "` has no place in a stage",
                   ErrorCode::unsupported);
  }
}

TEST(ReadWeights, BlocksOfAStageReadWhatTheOneBeforeWrites) {
  StateDict dict;
  add_block(dict, "s.0.", 4, 4);
  add_block(dict, "s.1.", 8, 8);
  expect_refusal(dict, {.prefixes = {"s"}},
                 "block `s.1` reads 8 channels, the block before it writes 4");
  EXPECT_EQ(read(dict, {.prefixes = {"s.0", "s.1"}}).size(), 2U);
}

TEST(ReadWeights, AStageMayDifferFromBlockToBlock) {
  StateDict dict;
  add_block(dict, "s.0.", 4, 2);
  add_block(dict, "s.1.", 8, 4);
  EXPECT_EQ(texts(read(dict, {.prefixes = {"s"}, .strides = {1, 2}, .h = 8})),
            (Texts{"s: mb1_ih8_ic2oc4 + mb1_ih8_ic4oc8_s2"}));
}

}  // namespace
}  // namespace foldconv::tool
