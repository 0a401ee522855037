// SPDX-License-Identifier: MIT
#include "weights/block_weights.hpp"

#include <gtest/gtest.h>

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "bench/state_dict.hpp"
#include "harness/caught.hpp"

namespace foldconv::tool {
namespace {

using safetensors::TensorInfo;
using test::basic_block;
using test::bottleneck;
using test::Shape4;
using test::StateDict;

void expect_equal(std::span<const float> read, const std::vector<float>& written) {
  EXPECT_EQ(std::vector<float>(read.begin(), read.end()), written);
}

void expect_layer(const harness::LineConv& layer, const StateDict& dict, const std::string& conv,
                  const std::string& batch_norm, int k, int c, int filter) {
  SCOPED_TRACE(conv);
  EXPECT_EQ(layer.weights.k, k);
  EXPECT_EQ(layer.weights.c_per_group, c);
  EXPECT_EQ(layer.weights.r, filter);
  EXPECT_EQ(layer.weights.s, filter);
  expect_equal(layer.weights.values, dict.values(conv + ".weight"));
  ASSERT_TRUE(layer.batch_norm.has_value());
  expect_equal(layer.batch_norm->gamma, dict.values(batch_norm + ".weight"));
  expect_equal(layer.batch_norm->beta, dict.values(batch_norm + ".bias"));
  expect_equal(layer.batch_norm->mean, dict.values(batch_norm + ".running_mean"));
  expect_equal(layer.batch_norm->variance, dict.values(batch_norm + ".running_var"));
}

harness::Problem load(const StateDict& dict, const std::string& prefix,
                      const BlockTraits& traits = {}) {
  return load_block(dict.file(), prefix, traits);
}

harness::BlockShape shape(const harness::Problem& problem) {
  return shape_of(problem.lines.front());
}

void expect_complaint(const StateDict& dict, const std::string& prefix, const std::string& part,
                      ErrorCode code = ErrorCode::invalid_argument,
                      const BlockTraits& traits = {}) {
  const std::string message = harness::message_of([&] { load(dict, prefix, traits); }, code);
  EXPECT_TRUE(harness::names(message, part));
  EXPECT_EQ(message.find("(memory): "), 0U) << message;
}

TEST(BlockWeights, ReadABottleneck) {
  const StateDict dict = bottleneck("layer1.1.");
  const harness::Problem block = load(dict, "layer1.1");
  EXPECT_EQ(shape(block), (harness::BlockShape{.c = 8, .middle = 4, .k = 8}));
  EXPECT_EQ(block.name, "layer1.1");
  EXPECT_EQ(block.input().shape, (Shape{1, 56, 56, 8}));
  const harness::Line& line = block.lines.front();
  expect_layer(line.convs[0], dict, "layer1.1.conv1", "layer1.1.bn1", 4, 8, 1);
  expect_layer(line.convs[1], dict, "layer1.1.conv2", "layer1.1.bn2", 4, 4, 3);
  expect_layer(line.convs[2], dict, "layer1.1.conv3", "layer1.1.bn3", 8, 4, 1);
  EXPECT_EQ(line.convs[0].batch_norm->eps.value, 1e-5);
  EXPECT_TRUE(line.convs[0].weights.bias.empty());
}

TEST(BlockWeights, ReadABasicBlock) {
  const StateDict dict = basic_block("layer1.0.");
  const harness::Problem block = load(dict, "layer1.0");
  EXPECT_EQ(shape(block), (harness::BlockShape{.c = 4, .k = 4}));
  const harness::Line& line = block.lines.front();
  expect_layer(line.convs[0], dict, "layer1.0.conv1", "layer1.0.bn1", 4, 4, 3);
  expect_layer(line.convs[1], dict, "layer1.0.conv2", "layer1.0.bn2", 4, 4, 3);
}

TEST(BlockWeights, OutliveTheFileAndAMove) {
  const StateDict dict = basic_block("");
  harness::Problem block = load(dict, "");
  const harness::Problem moved = std::move(block);
  expect_layer(moved.lines.front().convs[1], dict, "conv2", "bn2", 4, 4, 3);
}

TEST(BlockWeights, ReadDownsamples) {
  StateDict dict = bottleneck("");
  dict.add_layer("conv3", "bn3", 16, 4, 1);
  dict.add_layer("downsample.0", "downsample.1", 16, 8, 1);
  const harness::Problem block =
      load(dict, "", {.stride = 2, .stride_at = StrideAt::conv1, .eps = Epsilon{1e-3}});
  EXPECT_EQ(shape(block), (harness::BlockShape{.c = 8,
                                               .middle = 4,
                                               .k = 16,
                                               .stride = 2,
                                               .stride_at = StrideAt::conv1,
                                               .projection = true}));
  expect_layer(*block.lines.front().shortcut, dict, "downsample.0", "downsample.1", 16, 8, 1);
  for (const harness::LineConv* conv : block.convs()) {
    EXPECT_EQ(conv->batch_norm->eps.value, 1e-3);
  }

  StateDict basic = basic_block("");
  basic.add_layer("downsample.0", "downsample.1", 4, 4, 1);
  const harness::Problem halved = load(basic, "", {.stride = 2});
  expect_layer(*halved.lines.front().shortcut, basic, "downsample.0", "downsample.1", 4, 4, 1);
  EXPECT_EQ(shape(halved).stride, 2);
}

TEST(BlockWeights, ReadGroupsOffTheWidths) {
  StateDict dict = bottleneck("");
  dict.add_conv("conv2", 4, 2, 3);
  EXPECT_EQ(shape(load(dict, "")).groups, 2);
  dict.add_conv("conv2", 4, 1, 3);
  EXPECT_EQ(shape(load(dict, "")).groups, 4);
}

TEST(BlockWeights, ReadConvBiases) {
  StateDict dict = bottleneck("");
  dict.add_layer("downsample.0", "downsample.1", 8, 8, 1);
  dict.set("conv1.bias", {4});
  dict.set("conv3.bias", {8});
  dict.set("downsample.0.bias", {8});
  const harness::Problem block = load(dict, "");
  const harness::Line& line = block.lines.front();
  expect_equal(line.convs[0].weights.bias, dict.values("conv1.bias"));
  EXPECT_TRUE(line.convs[1].weights.bias.empty());
  expect_equal(line.convs[2].weights.bias, dict.values("conv3.bias"));
  expect_equal(line.shortcut->weights.bias, dict.values("downsample.0.bias"));
}

TEST(BlockWeights, TakeThePrefixWithAndWithoutItsDot) {
  StateDict dict = basic_block("module.layer1.1.");
  dict.add_layer("module.layer1.10.conv1", "module.layer1.10.bn1", 4, 4, 3);
  EXPECT_EQ(load(dict, "module.layer1.1").lines.size(), 1U);
  EXPECT_EQ(load(dict, "module.layer1.1.").lines.size(), 1U);
  expect_complaint(dict, "layer1.1", "tensor `layer1.1.conv1.weight` is missing");
  expect_complaint(dict, "module.layer1.1..", "is missing");
}

TEST(BlockWeights, AMissingBlockNamesThoseThatAreThere) {
  StateDict dict = bottleneck("layer1.0.");
  dict.add_layer("conv1", "bn1", 64, 3, 7);  // the stem
  expect_complaint(
      dict, "layer1",
      "tensor `layer1.conv1.weight` is missing; give the prefix of a block: `layer1.0`");
  for (int i = 1; i < 10; ++i) {
    const std::string prefix = "layer2." + std::to_string(i) + ".";
    dict.add_conv(prefix + "conv1", 4, 8, 1);
    dict.add_conv(prefix + "conv2", 4, 8, 1);
  }
  expect_complaint(dict, "layer1", "`layer1.0`, `layer2.1`, `layer2.2`");
  expect_complaint(dict, "layer1",
                   "`layer2.7`, ... (10 in all); or of all blocks of a stage: `layer2`");
  expect_complaint(basic_block(""), "layer1", "give the prefix of a block: ``");
  expect_complaint(StateDict(), "layer1", "there is no block");
}

TEST(BlockWeights, EveryTensorButTheCountersIsNeeded) {
  StateDict whole = bottleneck("b.");
  whole.add_layer("b.downsample.0", "b.downsample.1", 8, 8, 1);
  const safetensors::StateDict file = whole.file();
  for (const TensorInfo& info : file.tensors()) {
    StateDict dict = whole;
    dict.erase(info.name);
    if (info.name.ends_with(".num_batches_tracked")) {
      EXPECT_EQ(load(dict, "b").lines.size(), 1U) << info.name;
    } else if (info.name == "b.conv3.weight") {  // as if it were a basic block
      expect_complaint(dict, "b", "tensor `b.bn3.bias` has no place in a basic block",
                       ErrorCode::unsupported);
    } else {
      expect_complaint(dict, "b", "tensor `" + info.name + "` is missing");
    }
  }
}

TEST(BlockWeights, EveryShapeIsChecked) {
  StateDict whole = bottleneck("b.");
  whole.add_layer("b.downsample.0", "b.downsample.1", 8, 8, 1);
  whole.set("b.conv2.bias", {4});
  const safetensors::StateDict file = whole.file();
  for (const TensorInfo& info : file.tensors()) {
    if (info.name.ends_with(".num_batches_tracked")) continue;
    for (const Shape4& shape :
         {Shape4{}, Shape4{3}, Shape4{4, 1}, Shape4{4, 8, 1}, Shape4{4, 4, 2, 3},
          Shape4{4, 4, 3, 2}, Shape4{0, 4, 1, 1}, Shape4{4, 0, 3, 3}, Shape4{4, 8, 1, 1, 1}}) {
      StateDict dict = whole;
      dict.set(info.name, shape);
      expect_complaint(dict, "b", "tensor `" + info.name + "` has shape [");
    }
  }
}

TEST(BlockWeights, ShapesAreNamedWithWhatIsWanted) {
  StateDict dict = bottleneck("");
  dict.set("bn2.running_var", {5});
  expect_complaint(dict, "", "tensor `bn2.running_var` has shape [5]; wanted is [4], one for each");
  dict = bottleneck("");
  dict.add_conv("conv2", 4, 4, 5);
  expect_complaint(dict, "",
                   "tensor `conv2.weight` has shape [4, 4, 5, 5]; wanted is [4, 4, 3, 3], to fit "
                   "the other convolutions of a bottleneck");
  dict = basic_block("");
  dict.add_conv("conv1", 4, 4, 1);
  expect_complaint(dict, "",
                   "wanted is [4, 4, 3, 3], to fit the other convolutions of a basic block (there "
                   "is no conv3.weight)");
}

TEST(BlockWeights, WidthsChain) {
  StateDict dict = bottleneck("");
  dict.add_conv("conv2", 4, 3, 3);
  expect_complaint(dict, "", "`conv2.weight` has shape [4, 3, 3, 3]; wanted is [4, 4, 3, 3]");
  dict = bottleneck("");
  dict.add_layer("conv2", "bn2", 3, 2, 3);
  expect_complaint(dict, "", "`conv2.weight` has shape [3, 2, 3, 3]; wanted is [4, 2, 3, 3]");
  dict = bottleneck("");
  dict.add_layer("conv2", "bn2", 8, 4, 3);
  dict.add_layer("conv3", "bn3", 8, 8, 1);
  expect_complaint(dict, "", "`conv2.weight` has shape [8, 4, 3, 3]; wanted is [4, 4, 3, 3]");
  dict = bottleneck("");
  dict.add_conv("conv3", 8, 5, 1);
  expect_complaint(dict, "", "`conv3.weight` has shape [8, 5, 1, 1]; wanted is [8, 4, 1, 1]");
  dict = basic_block("");
  dict.add_conv("conv2", 4, 8, 3);
  expect_complaint(dict, "", "`conv2.weight` has shape [4, 8, 3, 3]; wanted is [4, 4, 3, 3]");
}

TEST(BlockWeights, GroupsElsewhereAreUnsupported) {
  StateDict dict = basic_block("");
  dict.add_conv("conv2", 4, 2, 3);
  expect_complaint(dict, "", "groups in a bottleneck's conv2 only", ErrorCode::unsupported);
  dict = bottleneck("");
  dict.add_conv("conv3", 8, 2, 1);
  expect_complaint(dict, "", "groups in a bottleneck's conv2 only", ErrorCode::unsupported);
}

TEST(BlockWeights, TheShortcutFits) {
  StateDict dict = bottleneck("");
  dict.add_layer("conv3", "bn3", 16, 4, 1);
  expect_complaint(dict, "",
                   "tensor `downsample.0.weight` is missing; a block of stride 1 from "
                   "8 to 16 channels needs one of shape [16, 8, 1, 1]");
  expect_complaint(bottleneck(""), "", "a block of stride 2 from 8 to 8",
                   ErrorCode::invalid_argument, {.stride = 2});
  dict.add_layer("downsample.0", "downsample.1", 8, 8, 1);
  expect_complaint(dict, "",
                   "`downsample.0.weight` has shape [8, 8, 1, 1]; wanted is [16, 8, "
                   "1, 1]");
  dict.add_layer("downsample.0", "downsample.1", 16, 4, 1);
  expect_complaint(dict, "", "wanted is [16, 8, 1, 1]", ErrorCode::unsupported);
  dict.add_layer("downsample.0", "downsample.1", 16, 5, 1);
  expect_complaint(dict, "", "wanted is [16, 8, 1, 1]");
}

TEST(BlockWeights, FurtherTensorsAreNotLeftOutSilently) {
  for (const char* name :
       {"b.se.fc1.weight", "b.conv4.weight", "b.conv1.scale", "b.downsample.2.weight"}) {
    StateDict dict = bottleneck("b.");
    dict.add_layer("b.downsample.0", "b.downsample.1", 8, 8, 1);
    dict.set(name, {4});
    dict.set("bb.se.weight", {4});  // another's
    expect_complaint(dict, "b", "tensor `" + std::string(name) + "` has no place",
                     ErrorCode::unsupported);
  }
}

TEST(BlockWeights, WeightsAreFloatingPoint) {
  StateDict dict;
  dict.add_layer("conv1", "bn1", 1, 1, 3);
  dict.add_layer("conv2", "bn2", 1, 1, 3);
  dict.set("bn1.bias", {1}, "I64");
  expect_complaint(dict, "", "tensor `bn1.bias` is of dtype I64", ErrorCode::unsupported);
}

}  // namespace
}  // namespace foldconv::tool
