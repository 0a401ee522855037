// SPDX-License-Identifier: MIT
// Models that are not valid, or not taken: each with an error that tells the node and what to do.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "foldconv/onnx.hpp"
#include "harness/test_folder.hpp"
#include "host/expect_error.hpp"
#include "host/weights/other_formats.hpp"
#include "host/weights/safetensors_writer.hpp"
#include "onnx/file_bytes.hpp"
#include "onnx/messages.hpp"

namespace foldconv::test {
namespace {

constexpr ErrorCode kUnsupported = ErrorCode::unsupported;

Result<Graph> read(const pb::Model& model, const onnx::ReadOptions& options = {}) {
  return onnx::read(bytes_of(model.to_bytes()), options);
}

// x: 1x2x4x4 -> y by these nodes.
pb::Model image_model(std::vector<std::string> nodes, std::vector<std::string> initializers = {}) {
  return {.nodes = std::move(nodes),
          .initializers = std::move(initializers),
          .inputs = {pb::value_info("x", {1, 2, 4, 4})},
          .outputs = {pb::value_info("y", {})}};
}

testing::AssertionResult refuses(std::vector<std::string> nodes, ErrorCode code,
                                 std::initializer_list<std::string_view> parts,
                                 std::vector<std::string> initializers = {}) {
  return fails_with(read(image_model(std::move(nodes), std::move(initializers))), code, parts);
}

const std::vector<float> kOnes(2 * 2 * 3 * 3, 1.0f);

std::string conv_weights(const char* name = "w") {
  return pb::floats(name, {2, 2, 3, 3}, kOnes);
}

TEST(OnnxBadModels, SaysWhatNodeAndWhatToDo) {
  const pb::Model model = image_model(
      {pb::node("Relu", {"x"}, {"r"}),
       pb::node("Resize", {"r", "", "scales"}, {"y"}, {pb::attribute("mode", "cubic")}, "Up_1")},
      {pb::floats("scales", {4}, {1, 1, 2, 2})});
  const Result<Graph> graph = read(model);
  ASSERT_TRUE(fails_with(graph, kUnsupported, {}));
  EXPECT_EQ(
      graph.status().message(),
      "node \"Up_1\" (Resize, opset 17): mode nearest: \"cubic\" by 1 x 1 x 2 x 2, on 1x2x4x4; "
      "use nearest by whole factors, or cut the graph before it: "
      "\"r\" in the option outputs");
  EXPECT_TRUE(read(model, {.outputs = {"r"}}).ok());
}

TEST(OnnxBadModels, AFileOfAnotherFormatIsNamed) {
  std::vector<OtherFormat> formats = other_formats();
  formats.push_back({file_text("{}"), {"it is a state dict in safetensors; read it as one"}});
  for (const OtherFormat& format : formats) {
    for (const std::string& part : format.said) {
      EXPECT_TRUE(fails_with(onnx::read(bytes_of(format.bytes)), kInvalid, {part}));
      EXPECT_TRUE(fails_with(onnx::inspect(bytes_of(format.bytes)), kInvalid, {part}));
    }
  }
  EXPECT_TRUE(fails_with(onnx::read(bytes_of("\x08\x08\x12\x02py")), kInvalid,
                         {"no graph in 6 bytes; the file is damaged"}));
}

TEST(OnnxBadModels, AFolderOfTensorFlowIsNamed) {
  const TestFolder folder;
  folder.write("saved_model.pb", "");
  const std::string what = "it is the folder of a TensorFlow SavedModel; export the network";
  EXPECT_TRUE(fails_with(onnx::read(folder.path()), kInvalid, {what}));
  EXPECT_TRUE(fails_with(onnx::inspect(folder.path()), kInvalid, {what}));
}

TEST(OnnxBadModels, AllProblemsAtOnce) {
  const pb::Model model = image_model(
      {pb::node("Foo", {"x"}, {"a"}, {}, "first"), pb::node("Relu", {"a"}, {"b"}),
       pb::node("Celu", {"x"}, {"c"}, {}, "second"),
       pb::node("Conv", {"x", "w"}, {"d"}, {}, "third"),
       pb::node("Bar", {"d"}, {"e"}, {}, "fourth"), pb::node("Sum", {"b", "c", "d", "e"}, {"y"})},
      {pb::floats("w", {2, 3, 1, 1}, {1, 2, 3, 4, 5, 6})});
  const auto problems = onnx::inspect(bytes_of(model.to_bytes()));
  ASSERT_TRUE(problems.ok()) << problems.status().message();
  std::vector<std::string> nodes;
  for (const onnx::Problem& problem : *problems) nodes.push_back(problem.node);
  EXPECT_EQ(nodes, (std::vector<std::string>{"first", "second", "third", "fourth"}));
  EXPECT_EQ((*problems)[2].op, "Conv");
  EXPECT_EQ((*problems)[2].opset, 17);
  EXPECT_EQ((*problems)[2].shape, "1x2x4x4");
  EXPECT_EQ((*problems)[2].code, kInvalid);
  EXPECT_TRUE(fails_with(read(model), kUnsupported, {"node \"first\" (Foo, opset 17)"}));
  // A model that is taken has none.
  const auto none =
      onnx::inspect(bytes_of(image_model({pb::node("Relu", {"x"}, {"y"})}).to_bytes()));
  ASSERT_TRUE(none.ok());
  EXPECT_TRUE(none->empty());
}

TEST(OnnxBadModels, Opsets) {
  pb::Model model = image_model({pb::node("Relu", {"x"}, {"y"})});
  for (const std::int64_t opset : {7, 28}) {
    model.opset = opset;
    EXPECT_TRUE(read(model).ok()) << opset;
  }
  for (const std::int64_t opset : {std::int64_t{6}, std::int64_t{29}, std::int64_t{-1},
                                   std::numeric_limits<std::int64_t>::max()}) {
    model.opset = opset;
    EXPECT_TRUE(fails_with(read(model), kUnsupported, {"opset 7 to 28", std::to_string(opset)}));
  }
  const std::string none = pb::number(1, 8) + pb::bytes(7, model.graph());
  EXPECT_TRUE(fails_with(onnx::read(bytes_of(none)), kInvalid, {"the opset is given"}));
  const std::string two = none + pb::bytes(8, pb::number(2, 11)) + pb::bytes(8, pb::number(2, 12));
  EXPECT_TRUE(fails_with(onnx::read(bytes_of(two)), kInvalid, {"one opset"}));
  EXPECT_TRUE(refuses({pb::node("Relu", {"x"}, {"y"}) + pb::bytes(7, "com.microsoft")},
                      kUnsupported, {"\"Relu\" of \"com.microsoft\""}));
}

TEST(OnnxBadModels, Names) {
  const std::string relu = pb::node("Relu", {"x"}, {"y"});
  EXPECT_TRUE(refuses({pb::node("Relu", {"z"}, {"y"})}, kInvalid,
                      {"each tensor is made by something", "\"z\""}));
  EXPECT_TRUE(refuses({relu, relu}, kInvalid, {"\"y\" is made twice"}));
  EXPECT_TRUE(refuses({pb::node("Relu", {"y"}, {"x"})}, kInvalid, {"\"x\" is made twice"}));
  EXPECT_TRUE(refuses({relu}, kInvalid, {"one initializer of a name", "\"w\""},
                      {conv_weights(), conv_weights()}));
  EXPECT_TRUE(refuses({relu}, kInvalid, {"\"y\" is made twice"}, {conv_weights("y")}));
  EXPECT_TRUE(refuses({relu}, kInvalid, {"an initializer has a name"}, {conv_weights("")}));
  EXPECT_TRUE(refuses({pb::node("Relu", {"x"}, {})}, kInvalid, {"is made by something"}));
  EXPECT_TRUE(refuses({pb::node("Relu", {""}, {"y"})}, kInvalid, {"operand 0 is there"}));
  EXPECT_TRUE(refuses({pb::node("Relu", {}, {"y"})}, kInvalid, {"operand 0 is there"}));
  pb::Model model = image_model({relu});
  model.outputs.push_back(model.outputs[0]);
  EXPECT_TRUE(fails_with(read(model), kInvalid, {"one output of a name", "\"y\""}));
  model.outputs.clear();
  EXPECT_TRUE(fails_with(read(model), kInvalid, {"a graph has outputs"}));
  model = image_model({relu});
  model.inputs.push_back(model.inputs[0]);
  EXPECT_TRUE(fails_with(read(model), kInvalid, {"one input of a name", "\"x\""}));
}

TEST(OnnxBadModels, Circles) {
  EXPECT_TRUE(refuses({pb::node("Add", {"x", "b"}, {"a"}), pb::node("Relu", {"a"}, {"b"}),
                       pb::node("Relu", {"b"}, {"y"})},
                      kInvalid, {"nodes stand behind those that they need", "\"b\""}));
  EXPECT_TRUE(refuses({pb::node("Relu", {"y"}, {"y"})}, kInvalid, {"in a circle"}));
}

TEST(OnnxBadModels, ValuesOfWeights) {
  const std::string conv = pb::node("Conv", {"x", "w"}, {"y"}, {}, "conv1");
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    std::vector<float> values = kOnes;
    values[17] = bad;
    EXPECT_TRUE(refuses({conv}, kInvalid,
                        {"node \"conv1\" (Conv", "weights are finite", "\"w\"[17]"},
                        {pb::floats("w", {2, 2, 3, 3}, values)}));
  }
  const std::string nan = pb::floats("s", {2}, {1, std::nanf("")});
  const std::string one = pb::floats("1", {2}, {1, 1});
  for (const pb::Names& operands : {pb::Names{"x", "s", "1", "1", "1"},
                                    {"x", "1", "s", "1", "1"},
                                    {"x", "1", "1", "s", "1"},
                                    {"x", "1", "1", "1", "s"}}) {
    EXPECT_TRUE(refuses({pb::node("BatchNormalization", operands, {"y"})}, kInvalid,
                        {"are finite", "\"s\"[1] = nan"}, {nan, one}));
  }
  EXPECT_TRUE(refuses({conv}, kInvalid, {"another number than the shape says", "needs 144 bytes"},
                      {pb::tensor("w", 1, {2, 2, 3, 3}, "1234")}));
  EXPECT_TRUE(refuses({conv}, kInvalid, {"more than 2^63"},
                      {pb::tensor("w", 1, {1 << 30, 1 << 30, 1 << 30, 3}, "")}));
  EXPECT_TRUE(refuses({conv}, kUnsupported, {"integers \"w\""}, {pb::int64s("w", {1})}));
  EXPECT_TRUE(refuses({pb::node("Conv", {"x", "x"}, {"y"})}, kUnsupported,
                      {"weights are constants of the file", "\"x\""}));
}

TEST(OnnxBadModels, Numbers) {
  const std::int64_t big = std::int64_t{1} << 31;
  const auto conv = [](const std::string& attribute) {
    return pb::node("Conv", {"x", "w"}, {"y"}, {attribute});
  };
  const std::vector<std::string> weights = {conv_weights()};
  EXPECT_TRUE(refuses({conv(pb::integers("pads", {0, 0, big, 0}))}, kUnsupported,
                      {"pads of 32 bits", "2147483648"}, weights));
  EXPECT_TRUE(refuses({conv(pb::integers("strides", {1, -big - 1}))}, kUnsupported,
                      {"strides of 32 bits"}, weights));
  EXPECT_TRUE(refuses({conv(pb::integers("strides", {0, 1}))}, kInvalid, {"stride"}, weights));
  EXPECT_TRUE(refuses({conv(pb::integer("group", 0))}, kInvalid, {"groups"}, weights));
  EXPECT_TRUE(refuses({conv(pb::integers("strides", {1}))}, kUnsupported, {"1 numbers"}, weights));
  EXPECT_TRUE(refuses({conv(pb::attribute("pads", 1.5f))}, kInvalid,
                      {"pads is a list of integers", "attribute type 1"}, weights));
  EXPECT_TRUE(refuses({conv(pb::integers("kernel_shape", {2, 2}))}, kInvalid,
                      {"kernel_shape is that of the weights", "2x2"}, weights));
  EXPECT_TRUE(refuses({conv(pb::attribute("auto_pad", "MOST"))}, kInvalid, {"\"MOST\""}, weights));
  EXPECT_TRUE(refuses({conv(pb::integer("novelty", 1))}, kUnsupported,
                      {"attribute not taken", "\"novelty\""}, weights));
  EXPECT_TRUE(refuses({pb::node("Flatten", {"x"}, {"y"}, {pb::integer("axis", 5)})}, kInvalid,
                      {"axis 5 of 4"}));
  // A window larger than the image is for the graph to tell.
  EXPECT_TRUE(
      refuses({pb::node("MaxPool", {"x"}, {"y"}, {pb::integers("kernel_shape", {5, 5})}, "p")},
              kInvalid, {"node \"p\" (MaxPool, opset 17): the window is larger"}));
}

TEST(OnnxBadModels, WhatIsNotTaken) {
  const auto one = [](const char* op, std::vector<std::string> attributes) {
    return std::vector<std::string>{pb::node(op, {"x"}, {"y"}, attributes)};
  };
  EXPECT_TRUE(refuses(
      {pb::node("MaxPool", {"x"}, {"y", "i"}, {pb::integers("kernel_shape", {2, 2})}),
       pb::node("Cast", {"i"}, {"z"}, {pb::integer("to", 1)}), pb::node("Add", {"z", "y"}, {"s"})},
      ErrorCode::ok, {}));
  pb::Model indices =
      image_model({pb::node("MaxPool", {"x"}, {"v", "y"}, {pb::integers("kernel_shape", {2, 2})})});
  EXPECT_TRUE(fails_with(read(indices), kUnsupported, {"no indices of the maxima"}));
  EXPECT_TRUE(
      refuses(one("Gelu", {pb::attribute("approximate", "tanh")}), kUnsupported, {"exact"}));
  // Not quite a gelu.
  EXPECT_TRUE(refuses({pb::node("Div", {"x", "root"}, {"d"}), pb::node("Erf", {"d"}, {"e"}),
                       pb::node("Add", {"e", "root"}, {"s"}), pb::node("Mul", {"x", "s"}, {"m"}),
                       pb::node("Mul", {"m", "half"}, {"y"})},
                      kUnsupported, {"\"Erf\""},
                      {pb::floats("root", {}, {1.41421354f}), pb::floats("half", {}, {0.5f})}));
  EXPECT_TRUE(refuses(one("Cast", {pb::integer("to", 7)}), kUnsupported, {"int64"}));
  EXPECT_TRUE(refuses(one("ReduceMean", {pb::integers("axes", {1})}), kUnsupported, {"axes [1]"}));
  EXPECT_TRUE(refuses(one("Shape", {}), kUnsupported, {"outputs are floats"}));
  EXPECT_TRUE(refuses({pb::node("Dropout", {"x", "", "t"}, {"y"})}, kUnsupported, {"inference"},
                      {pb::tensor("t", 9, {}, "\1")}));
  EXPECT_TRUE(refuses({pb::node("BatchNormalization", {"x", "1", "1", "1", "1"}, {"y", "m", "v"})},
                      kUnsupported, {"inference"}, {pb::floats("1", {2}, {1, 1})}));
  EXPECT_TRUE(refuses({pb::node("Pad", {"x", "p"}, {"y"}, {pb::attribute("mode", "reflect")})},
                      kUnsupported, {"mode constant", "\"reflect\""},
                      {pb::int64s("p", {0, 0, 1, 1, 0, 0, 1, 1})}));
  EXPECT_TRUE(refuses({pb::node("MatMul", {"x", "x"}, {"y"})}, kUnsupported, {"right operand"}));
  EXPECT_TRUE(refuses(
      {pb::node("ConstantOfShape", {"s"}, {"c"}), pb::node("Add", {"x", "c"}, {"y"})}, kUnsupported,
      {"constants that are computed"}, {pb::int64s("s", {1 << 20, 1 << 20})}));
  EXPECT_TRUE(refuses({pb::node("Reshape", {"x", "x"}, {"y"})}, kUnsupported, {"is computed"}));

  pb::Model integers = image_model({pb::node("Relu", {"x"}, {"y"})});
  integers.inputs = {pb::value_info("x", {2}, 7)};
  EXPECT_TRUE(fails_with(read(integers), kUnsupported, {"\"x\" is int64", "option constants"}));
  integers.inputs = {pb::bytes(1, "x")};
  EXPECT_TRUE(fails_with(read(integers), kUnsupported, {"extents the file tells", "\"x\""}));
  integers.inputs = {pb::value_info("x", {1, 0})};
  EXPECT_TRUE(fails_with(read(integers), kUnsupported, {"extents of 1 or more"}));
}

// A name goes into explanations, and to programs in other languages as a string.
TEST(OnnxBadModels, NamesThatAreNoLineOfText) {
  for (const std::string_view name :
       {"a\nb", "\x1b[1m", "\xff", "\xc3", "\xed\xa0\x80", "\xc2\x85", "\x7f"}) {
    const std::string r(name);
    const std::initializer_list<std::string_view> wanted = {"names are UTF-8"};
    EXPECT_TRUE(
        fails_with(read(image_model({pb::node("Relu", {"x"}, {r}), pb::node("Tanh", {r}, {"y"})})),
                   kInvalid, wanted));
    pb::Model input = image_model({pb::node("Relu", {r}, {"y"})});
    input.inputs = {pb::value_info(r, {1, 3, 4, 4})};
    EXPECT_TRUE(fails_with(read(input), kInvalid, wanted));
  }
  EXPECT_TRUE(fails_with(read(image_model({pb::node("Relu", {"x"}, {std::string("y\0", 2)}),
                                           pb::node("Relu", {"x"}, {"y"})})),
                         kInvalid, {"names are UTF-8"}));
  EXPECT_TRUE(read(image_model({pb::node("Relu", {"x"}, {"\u5c64 \U0001f642"}),
                                pb::node("Tanh", {"\u5c64 \U0001f642"}, {"y"})}))
                  .ok());
}

TEST(OnnxBadModels, Options) {
  const pb::Model model =
      image_model({pb::node("Relu", {"x"}, {"r"}), pb::node("Tanh", {"r"}, {"y"})});
  EXPECT_TRUE(fails_with(read(model, {.outputs = {"q"}}), kInvalid, {"option outputs", "\"q\""}));
  EXPECT_TRUE(fails_with(read(model, {.inputs = {"q"}}), kInvalid, {"option inputs", "\"q\""}));
  EXPECT_TRUE(fails_with(read(model, {.constants = {{"q", Constant({}, std::vector{1.0f})}}}),
                         kInvalid, {"option constants", "\"q\""}));
  EXPECT_TRUE(
      fails_with(read(model, {.constants = {{"x", Constant()}}}), kInvalid, {"gives values"}));
  EXPECT_TRUE(
      fails_with(read(model, {.outputs = {"r", "r"}}), kInvalid, {"two outputs of one name"}));
  // What the cut leaves without a maker.
  const pb::Model sum =
      image_model({pb::node("Relu", {"x"}, {"r"}), pb::node("Add", {"r", "x"}, {"y"})});
  EXPECT_TRUE(
      fails_with(read(sum, {.inputs = {"r"}}), kInvalid, {"\"x\" is not", "option inputs"}));
  EXPECT_TRUE(read(sum, {.inputs = {"r", "x"}}).ok());
}

TEST(OnnxBadModels, DataBesideBytesInMemory) {
  std::string tensor = pb::dims({2}) + pb::number(2, 1) + pb::bytes(8, "w") + pb::number(14, 1);
  EXPECT_TRUE(refuses({pb::node("Add", {"x", "w"}, {"y"})}, kUnsupported,
                      {"values outside the file", "read the model by its path"}, {tensor}));
}

TEST(OnnxBadModels, TooManyNodes) {
  const std::string node = pb::bytes(1, pb::node("Relu", {"x"}, {"y"}));
  std::string graph;
  for (int i = 0; i < 1'000'000; ++i) graph += node;
  const std::string model = pb::bytes(7, graph) + pb::bytes(8, pb::number(2, 17));
  EXPECT_TRUE(fails_with(onnx::read(bytes_of(model)), kUnsupported, {"more than 100000 nodes"}));
}

}  // namespace
}  // namespace foldconv::test
