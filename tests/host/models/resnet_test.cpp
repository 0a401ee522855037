// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "foldconv/graph_node.hpp"
#include "foldconv/models.hpp"
#include "foldconv/network.hpp"
#include "host/expect_error.hpp"
#include "host/models/small_resnets.hpp"

namespace foldconv {
namespace {

using models::resnet;
using test::fails_with;
using test::hugging_face_name;
using test::kInvalid;
using test::ResNetDict;
using test::SmallResNet;

using Naming = std::function<std::string(const std::string&)>;

// The nodes of a graph, by the tensors they make.
template <class Op>
const Op* node_of(const Graph& graph, const std::string& tensor) {
  for (const GraphNode& node : graph.nodes()) {
    if (node.output == graph.find(tensor).id) return std::get_if<Op>(&node.operation);
  }
  return nullptr;
}

bool is_counter(const std::string& name) {
  return name.ends_with("num_batches_tracked");
}
// They are like those before them.
bool is_of_last_stages(const std::string& name) {
  return name.starts_with("layer3") || name.starts_with("layer4");
}

std::vector<float> values_in(const Constant& constant) {
  return {constant.values().begin(), constant.values().end()};
}

// Each tensor of the dict is where the graph's name of its module says.
void expect_values(const Graph& graph, const ResNetDict& dict) {
  for (const auto& [name, shape] : dict.shapes) {
    const std::size_t dot = name.rfind('.');
    const std::string module = name.substr(0, dot), part = name.substr(dot + 1);
    if (is_counter(name)) continue;
    Constant found;
    if (const auto* conv = node_of<op::Conv>(graph, module)) {
      found = part == "weight" ? conv->conv.weights : conv->conv.bias;
    } else if (const auto* norm = node_of<op::BatchNorm>(graph, module)) {
      const BatchNormNode& arrays = norm->arrays;
      EXPECT_EQ(arrays.eps.value, 1e-5) << name;
      found = part == "weight"         ? arrays.gamma
              : part == "bias"         ? arrays.beta
              : part == "running_mean" ? arrays.mean
                                       : arrays.variance;
    } else if (const auto* linear = node_of<op::Linear>(graph, module)) {
      found = part == "weight" ? linear->linear.weights : linear->linear.bias;
    }
    ASSERT_TRUE(found.given()) << name;
    EXPECT_EQ(found.extents(), Extents(shape.begin(), shape.end())) << name;
    EXPECT_EQ(values_in(found), dict.values(name)) << name;
  }
}

int stride_of(const Graph& graph, const std::string& conv) {
  const auto* node = node_of<op::Conv>(graph, conv);
  if (node == nullptr || node->conv.stride.h != node->conv.stride.w) return -1;
  return node->conv.stride.h;
}

TEST(ResNet, ABottleneckNetIsWhatTorchvisionComputes) {
  const ResNetDict dict({.blocks = {1, 1, 1, 1}});
  const Result<Graph> graph = resnet(dict.file());
  ASSERT_TRUE(graph.ok()) << graph.status().message();
  std::string expected =
      "image = input  ?x3x?x?\n"
      "conv1 = conv image  ?x5x?x?\n"
      "bn1 = batch_norm conv1  ?x5x?x?\n"
      "relu = activate bn1  ?x5x?x?\n"
      "maxpool = pool relu  ?x5x?x?\n";
  const int middle[] = {4, 6, 4, 6}, out[] = {7, 9, 9, 11};
  std::string x = "maxpool";
  for (int stage = 0; stage < 4; ++stage) {
    const std::string b = "layer" + std::to_string(stage + 1) + ".0";
    const std::string m = "  ?x" + std::to_string(middle[stage]) + "x?x?\n";
    const std::string k = "  ?x" + std::to_string(out[stage]) + "x?x?\n";
    expected += b + ".conv1 = conv " + x + m;
    expected += b + ".bn1 = batch_norm " + b + ".conv1" + m;
    expected += b + ".relu1 = activate " + b + ".bn1" + m;
    expected += b + ".conv2 = conv " + b + ".relu1" + m;
    expected += b + ".bn2 = batch_norm " + b + ".conv2" + m;
    expected += b + ".relu2 = activate " + b + ".bn2" + m;
    expected += b + ".conv3 = conv " + b + ".relu2" + k;
    expected += b + ".bn3 = batch_norm " + b + ".conv3" + k;
    expected += b + ".downsample.0 = conv " + x + k;
    expected += b + ".downsample.1 = batch_norm " + b + ".downsample.0" + k;
    expected += b + ".add = binary " + b + ".bn3 " + b + ".downsample.1" + k;
    expected += b + " = activate " + b + ".add" + k;
    x = b;
  }
  expected +=
      "avgpool = pool layer4.0  ?x11x1x1\n"
      "flatten = reshape avgpool  ?x11\n"
      "fc = linear flatten  ?x3\n"
      "output logits = fc\n";
  EXPECT_EQ(graph->to_string(), expected);
  expect_values(*graph, dict);
  for (const char* relu : {"relu", "layer1.0.relu1", "layer3.0.relu2", "layer4.0"}) {
    EXPECT_EQ(node_of<op::Activate>(*graph, relu)->activation, Activation::relu) << relu;
  }
  EXPECT_EQ(node_of<op::Binary>(*graph, "layer2.0.add")->kind, op::Binary::Kind::add);
  const PoolNode& pool = node_of<op::Pool>(*graph, "maxpool")->pool;
  EXPECT_EQ(pool.kind, PoolKind::max);
  EXPECT_EQ(pool.window.h * 10 + pool.window.w, 33);
  EXPECT_EQ(pool.stride.h * 10 + pool.stride.w, 22);
  EXPECT_EQ(pool.pad, Padding::same(1));
  EXPECT_FALSE(pool.ceil_mode);
  EXPECT_EQ(node_of<op::GlobalPool>(*graph, "avgpool")->kind, PoolKind::average);
}

TEST(ResNet, StridesAndPaddingAreTorchvisions) {
  const Graph graph = resnet(ResNetDict({.blocks = {2, 2, 1, 1}}).file()).value();
  EXPECT_EQ(stride_of(graph, "conv1"), 2);
  EXPECT_EQ(node_of<op::Conv>(graph, "conv1")->conv.pad, Padding::same(3));
  for (const char* block : {"layer1.0", "layer1.1", "layer2.0", "layer2.1", "layer3.0"}) {
    const std::string name(block);
    const bool strided = name.ends_with(".0") && name != "layer1.0";
    EXPECT_EQ(stride_of(graph, name + ".conv1"), 1) << name;
    EXPECT_EQ(stride_of(graph, name + ".conv2"), strided ? 2 : 1) << name;
    EXPECT_EQ(stride_of(graph, name + ".conv3"), 1) << name;
    EXPECT_EQ(node_of<op::Conv>(graph, name + ".conv1")->conv.pad, Padding{}) << name;
    EXPECT_EQ(node_of<op::Conv>(graph, name + ".conv2")->conv.pad, Padding::same(1)) << name;
    if (name.ends_with(".0")) {
      EXPECT_EQ(stride_of(graph, name + ".downsample.0"), strided ? 2 : 1) << name;
    }
  }
}

TEST(ResNet, TheStrideMayBeTheFirstConvolutions) {
  const Graph graph = resnet(ResNetDict().file(), {.stride_at = StrideAt::conv1}).value();
  EXPECT_EQ(stride_of(graph, "layer2.0.conv1"), 2);
  EXPECT_EQ(stride_of(graph, "layer2.0.conv2"), 1);
  EXPECT_EQ(stride_of(graph, "layer2.0.downsample.0"), 2);
  EXPECT_EQ(stride_of(graph, "layer1.0.conv1"), 1);
}

TEST(ResNet, BasicBlocks) {
  // The first stage keeps the stem's width: no shortcut of its own.
  const ResNetDict dict(
      {.blocks = {2, 1, 1, 2}, .bottleneck = false, .image = 1, .out = {5, 6, 7, 9}});
  const Result<Graph> graph = resnet(dict.file());
  ASSERT_TRUE(graph.ok()) << graph.status().message();
  expect_values(*graph, dict);
  EXPECT_EQ(graph->extents(graph->find("image")), (Extents{kOpen, 1, kOpen, kOpen}));
  EXPECT_EQ(stride_of(*graph, "layer2.0.conv1"), 2);
  EXPECT_EQ(stride_of(*graph, "layer2.0.conv2"), 1);
  EXPECT_EQ(stride_of(*graph, "layer4.1.conv1"), 1);
  EXPECT_EQ(node_of<op::Conv>(*graph, "layer2.0.conv1")->conv.pad, Padding::same(1));
  EXPECT_EQ(node_of<op::Conv>(*graph, "layer1.0.downsample.0"), nullptr);
  EXPECT_NE(graph->to_string().find("layer1.0.add = binary layer1.0.bn2 maxpool"),
            std::string::npos);
}

TEST(ResNet, GroupsAreReadOffTheSecondConvolution) {
  const ResNetDict dict({.groups = 2});
  const Result<Graph> graph = resnet(dict.file());
  ASSERT_TRUE(graph.ok()) << graph.status().message();
  expect_values(*graph, dict);
  EXPECT_EQ(node_of<op::Conv>(*graph, "layer1.0.conv2")->conv.groups, 2);
  EXPECT_EQ(node_of<op::Conv>(*graph, "layer1.0.conv1")->conv.groups, 1);
  EXPECT_EQ(
      node_of<op::Conv>(*resnet(ResNetDict({.groups = 1}).file()), "layer1.0.conv2")->conv.groups,
      1);
}

TEST(ResNet, EveryNamingGivesTheSameGraph) {
  for (const bool bottleneck : {true, false}) {
    const ResNetDict dict({.bottleneck = bottleneck});
    const std::string text = resnet(dict.file()).value().to_string();
    const Naming namings[] = {
        [](const std::string& name) { return "module." + name; },
        [](const std::string& name) { return "model." + name; },
        [](const std::string& name) { return "module.module." + name; },
        [](const std::string& name) { return (name.starts_with("fc") ? "" : "backbone.") + name; },
        [](const std::string& name) {
          return (name.starts_with("fc") ? "model." : "model.encoder.") + name;
        },
        hugging_face_name,
        [](const std::string& name) { return "module." + hugging_face_name(name); },
    };
    for (const auto& naming : namings) {
      const Result<Graph> graph = resnet(dict.file(naming));
      ASSERT_TRUE(graph.ok()) << graph.status().message();
      EXPECT_EQ(graph->to_string(), text);
      expect_values(*graph, dict);
    }
  }
}

TEST(ResNet, EveryTypeGivesTheSameValues) {
  const ResNetDict dict;
  for (const char* dtype : {"BF16", "F64"}) expect_values(*resnet(dict.file({}, dtype)), dict);
}

TEST(ResNet, ConvolutionsMayHaveABiasAndTheHeadNone) {
  ResNetDict dict;
  dict.shapes["layer1.0.conv2.bias"] = {4};
  dict.shapes["conv1.bias"] = {5};
  dict.shapes.erase("fc.bias");
  const Result<Graph> graph = resnet(dict.file());
  ASSERT_TRUE(graph.ok()) << graph.status().message();
  expect_values(*graph, dict);
  EXPECT_FALSE(node_of<op::Linear>(*graph, "fc")->linear.bias.given());
}

TEST(ResNet, IsFusedToItsBlocks) {
  for (const SmallResNet& net : {SmallResNet{.blocks = {1, 2, 1, 1}},
                                 SmallResNet{.blocks = {1, 2, 1, 1}, .bottleneck = false}}) {
    const Result<Graph> graph = fused(resnet(ResNetDict(net).file()).value());
    ASSERT_TRUE(graph.ok()) << graph.status().message();
    std::size_t blocks = 0;
    for (const GraphNode& node : graph->nodes()) {
      if (const auto* stage = std::get_if<op::Stage>(&node.operation)) {
        blocks += stage->blocks.size();
      }
    }
    EXPECT_EQ(blocks, 5U) << graph->to_string();
  }
}

TEST(ResNet, WeightsThatAreNoNumbersAreTheNetworksError) {
  ResNetDict dict;
  dict.not_a_number = "layer2.1.conv2.weight";
  const Result<Graph> graph = resnet(dict.file());
  ASSERT_TRUE(graph.ok()) << graph.status().message();
  EXPECT_TRUE(fails_with(Network::create(*graph), kInvalid, {"conv2", "is not finite", "nan"}));
}

TEST(ResNet, EpsIsAnOption) {
  const Graph graph = resnet(ResNetDict().file(), {.eps = Epsilon(0.25)}).value();
  EXPECT_EQ(node_of<op::BatchNorm>(graph, "layer4.0.bn3")->arrays.eps.value, 0.25);
}

TEST(ResNet, EveryTensorButCountersAndBiasesOfTheHeadIsNeeded) {
  const Naming namings[] = {[](const std::string& name) { return name; }, hugging_face_name};
  for (const bool bottleneck : {true, false}) {
    const ResNetDict whole({.blocks = {1, 2, 1, 1}, .bottleneck = bottleneck});
    for (const Naming& naming : namings) {
      for (const auto& [name, shape] : whole.shapes) {
        if (name == "fc.bias" || is_counter(name) || is_of_last_stages(name)) continue;
        const auto without = [&](const std::string& one) {
          return one == name ? std::string() : naming(one);
        };
        const bool anchor = name == "layer1.0.conv1.weight";  // what tells that it is a ResNet
        EXPECT_TRUE(fails_with(
            resnet(whole.file(without)), kInvalid,
            {"net.safetensors: ", anchor ? "there is no ResNet" : "a tensor is missing: `",
             anchor ? ".0.convolution.weight`" : naming(name)}))
            << name;
      }
    }
  }
}

TEST(ResNet, EveryShapeIsChecked) {
  const ResNetDict whole({.groups = 2});
  for (const auto& [name, shape] : whole.shapes) {
    if (is_counter(name) || is_of_last_stages(name)) continue;
    for (const std::vector<int>& wrong : {std::vector<int>{},
                                          {8},
                                          {8, 1},
                                          {4, 8, 1},
                                          {7, 8, 2, 3},
                                          {0, 5, 1, 1},
                                          {4, 0, 3, 3},
                                          {4, 3, 3, 3},
                                          {5, 3, 7, 7, 1}}) {
      ResNetDict dict = whole;
      dict.shapes[name] = wrong;
      EXPECT_TRUE(fails_with(resnet(dict.file()), kInvalid,
                             {"net.safetensors: tensor `", "` has shape: ", "; wanted is "}))
          << name;
    }
  }
}

TEST(ResNet, ShapesAreNamedWithWhatIsWanted) {
  ResNetDict dict;
  dict.shapes["layer2.1.bn2.running_var"] = {5};
  EXPECT_TRUE(fails_with(resnet(dict.file()), kInvalid,
                         {"tensor `layer2.1.bn2.running_var` has shape: 5; wanted is 6, one for"}));
  dict = ResNetDict();
  dict.shapes["layer1.0.conv1.weight"] = {4, 6, 1, 1};
  EXPECT_TRUE(fails_with(resnet(dict.file()), kInvalid, {"4x6x1x1; wanted is ?x5x1x1, to fit"}));
  dict = ResNetDict();
  dict.shapes["conv1.weight"] = {5, 3, 3, 3};  // as for CIFAR
  EXPECT_TRUE(fails_with(resnet(dict.file()), kInvalid,
                         {"`conv1.weight` has shape: 5x3x3x3; wanted is ?x?x7x7"}));
  dict = ResNetDict();
  dict.shapes["fc.weight"] = {3, 10};
  EXPECT_TRUE(fails_with(resnet(dict.file()), kInvalid, {"wanted is ?x11, [classes, channels"}));
  // Groups are conv2's alone.
  dict = ResNetDict();
  dict.shapes["layer2.1.conv1.weight"] = {6, 3, 1, 1};
  EXPECT_TRUE(fails_with(resnet(dict.file()), kInvalid, {"6x3x1x1; wanted is ?x9x1x1"}));
}

TEST(ResNet, AnotherArchitectureIsToldByWhatThereIs) {
  test::SafetensorsWriter writer;
  for (const char* name : {"_blocks.0._bn1.weight", "_conv_stem.weight", "a", "b", "c\x7f"}) {
    writer.add(name, "F32", "[1]", test::bytes_of<float>({1}));
  }
  const std::string text = writer.text();
  const auto file = safetensors::StateDict::read(std::as_bytes(std::span(text))).value();
  EXPECT_TRUE(fails_with(
      resnet(file), kInvalid,
      {"(memory): there is no ResNet in it: no tensor is called `layer1.0.conv1.weight` ",
       "`encoder.stages.0.layers.0.layer.0.convolution.weight`",
       "there are `_blocks.0._bn1.weight`, `_conv_stem.weight`, `a`, `b`, ... (5 in all); give"}));
  const std::string none = test::file_text("{}");
  const auto empty = safetensors::StateDict::read(std::as_bytes(std::span(none))).value();
  EXPECT_TRUE(fails_with(resnet(empty), kInvalid, {"there is no tensor in it"}));
  // A name that only ends like one.
  EXPECT_TRUE(
      fails_with(resnet(ResNetDict().file([](const std::string& name) { return "x" + name; })),
                 kInvalid, {"there is no ResNet in it"}));
}

TEST(ResNet, OtherResNetsAreToldApart) {
  const auto with = [](const std::string& name, const std::vector<int>& shape) {
    ResNetDict dict;
    dict.shapes[name] = shape;
    return resnet(dict.file());
  };
  constexpr ErrorCode kUnsupported = ErrorCode::unsupported;
  EXPECT_TRUE(
      fails_with(with("conv1.0.weight", {2, 3, 3, 3}), kUnsupported,
                 {"net.safetensors: tensor `conv1.0.weight` belongs to: a stem of several"}));
  ResNetDict pooled;
  pooled.shapes.erase("layer2.0.downsample.0.weight");
  pooled.shapes["layer2.0.downsample.1.weight"] = {9, 7, 1, 1};
  EXPECT_TRUE(fails_with(resnet(pooled.file()), kUnsupported,
                         {"`layer2.0.downsample.1.weight` belongs to: a shortcut with a pooling"}));
  EXPECT_TRUE(
      fails_with(with("layer1.0.se.fc1.weight", {2, 7, 1, 1}), kUnsupported, {"squeeze-excite"}));
  for (const char* name :
       {"layer2.0.eca.conv.weight", "layer5.0.conv1.weight", "neck.weight", "layer2.7.conv1.weight",
        "layer1.0.conv4.weight", "layer1.00.bn1.bias"}) {
    EXPECT_TRUE(fails_with(with(name, {1}), kUnsupported,
                           {std::string("a tensor has no place in a ResNet: `") + name + "`"}));
  }
}

TEST(ResNet, OneOfSeveralIsTakenByItsPrefix) {
  ResNetDict dict;
  const std::map<std::string, std::vector<int>> one = dict.shapes;
  dict.shapes.clear();
  for (const auto& [name, shape] : one) {
    dict.shapes["teacher." + name] = dict.shapes["student." + name] = shape;
  }
  const auto file = dict.file();
  EXPECT_TRUE(
      fails_with(resnet(file), kInvalid,
                 {"several ResNets in it: under `student.`, `teacher.`; ", "option prefix"}));
  for (const char* prefix : {"teacher", "teacher."}) {
    const Result<Graph> graph = resnet(file, {.prefix = prefix});
    ASSERT_TRUE(graph.ok()) << graph.status().message();
    EXPECT_EQ(values_in(node_of<op::Conv>(*graph, "conv1")->conv.weights),
              dict.values("teacher.conv1.weight"));
  }
  EXPECT_TRUE(
      fails_with(resnet(file, {.prefix = "other"}), kInvalid,
                 {"no ResNet has the prefix: `other`; give one of `student.`, `teacher.`"}));
  // Under the prefix all must have its place, elsewhere nothing.
  dict.shapes["student.neck"] = {1};
  EXPECT_TRUE(resnet(dict.file(), {.prefix = "teacher"}).ok());
  EXPECT_TRUE(fails_with(resnet(dict.file(), {.prefix = "student"}), ErrorCode::unsupported,
                         {"`student.neck`"}));
}

TEST(ResNet, ValuesOfOtherTypesAreRefused) {
  const auto file = ResNetDict().file({}, "I32");
  EXPECT_TRUE(fails_with(resnet(file), ErrorCode::unsupported,
                         {"net.safetensors: tensor `conv1.weight` is of dtype I32"}));
}

}  // namespace
}  // namespace foldconv
