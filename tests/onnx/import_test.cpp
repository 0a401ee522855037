// SPDX-License-Identifier: MIT
// What operators become, by opset; constants and shapes that are computed; cutting.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "foldconv/graph_node.hpp"
#include "foldconv/onnx.hpp"
#include "harness/test_folder.hpp"
#include "host/expect_error.hpp"
#include "onnx/file_bytes.hpp"
#include "onnx/messages.hpp"

namespace foldconv::test {
namespace {

struct Sizes {
  std::vector<std::int64_t> x = {2, 3, 8, 6};
  std::int64_t opset = 17;
};

// The graph of x -> y by these nodes.
Graph graph_of(std::vector<std::string> nodes, std::vector<std::string> initializers = {},
               const Sizes& sizes = {}) {
  const pb::Model model = {.nodes = std::move(nodes),
                           .initializers = std::move(initializers),
                           .inputs = {pb::value_info("x", sizes.x)},
                           .outputs = {pb::value_info("y", {})},
                           .opset = sizes.opset};
  Result<Graph> graph = onnx::read(bytes_of(model.to_bytes()));
  EXPECT_TRUE(graph.ok()) << graph.status().message();
  return graph.ok() ? *std::move(graph) : Graph();
}

std::string extents(const Graph& graph, const char* name = "y") {
  return to_string(graph.extents(graph.find(name)));
}

std::vector<float> values(const Graph& graph, const char* name) {
  const Constant constant = graph.constant_of(graph.find(name));
  return {constant.values().begin(), constant.values().end()};
}

// The only node that makes "y".
template <class Operation>
Operation made(const Graph& graph) {
  for (const GraphNode& node : graph.nodes()) {
    const Operation* operation = std::get_if<Operation>(&node.operation);
    if (operation != nullptr && graph.name({node.output}) == "y") return *operation;
  }
  ADD_FAILURE() << "y is made by another operation: " << graph.to_string();
  return Operation{};
}

TEST(OnnxImport, AutoPadGivesSizesAsInTensorFlow) {
  const std::vector<std::string> weights = {
      pb::floats("w", {4, 3, 3, 5}, std::vector<float>(4 * 3 * 3 * 5, 1))};
  const auto conv = [&](const char* mode, std::int64_t stride) {
    return graph_of(
        {pb::node("Conv", {"x", "w"}, {"y"},
                  {pb::attribute("auto_pad", mode), pb::integers("strides", {stride, stride})})},
        weights);
  };
  EXPECT_EQ(extents(conv("SAME_UPPER", 1)), "2x4x8x6");
  EXPECT_EQ(extents(conv("SAME_UPPER", 2)), "2x4x4x3");
  EXPECT_EQ(extents(conv("SAME_LOWER", 3)), "2x4x3x2");
  EXPECT_EQ(extents(conv("VALID", 1)), "2x4x6x2");
  EXPECT_EQ(made<op::Conv>(conv("SAME_UPPER", 2)).conv.pad, (Padding{0, 1, 1, 2}));
  EXPECT_EQ(made<op::Conv>(conv("SAME_LOWER", 2)).conv.pad, (Padding{1, 0, 2, 1}));
  EXPECT_EQ(made<op::Conv>(conv("SAME_UPPER", 1)).conv.pad, (Padding{1, 1, 2, 2}));
}

TEST(OnnxImport, PadsAreTopLeftBottomRight) {
  const Graph graph =
      graph_of({pb::node("MaxPool", {"x"}, {"y"},
                         {pb::integers("kernel_shape", {3, 2}), pb::integers("pads", {1, 0, 2, 1}),
                          pb::integers("strides", {2, 3}), pb::integers("dilations", {1, 2}),
                          pb::integer("ceil_mode", 1)})});
  const PoolNode pool = made<op::Pool>(graph).pool;
  EXPECT_EQ(pool.kind, PoolKind::max);
  EXPECT_EQ(pool.window, (Extent{3, 2}));
  EXPECT_EQ(pool.pad, (Padding{1, 2, 0, 1}));
  EXPECT_EQ(pool.stride, (Extent{2, 3}));
  EXPECT_EQ(pool.dilation, (Extent{1, 2}));
  EXPECT_TRUE(pool.ceil_mode);
}

TEST(OnnxImport, ClipByOpset) {
  const auto old = [&](std::vector<std::string> limits) {
    return made<op::Activate>(graph_of({pb::node("Clip", {"x"}, {"y"}, limits)}, {}, {.opset = 10}))
        .activation;
  };
  const auto newer = [&](const pb::Names& operands) {
    return made<op::Activate>(graph_of({pb::node("Clip", operands, {"y"})},
                                       {pb::floats("0", {}, {0}), pb::floats("6", {}, {6})}))
        .activation;
  };
  EXPECT_EQ(old({pb::attribute("min", 0.0f), pb::attribute("max", 6.0f)}), Activation::relu6);
  EXPECT_EQ(old({pb::attribute("min", 0.0f)}), Activation::relu);
  EXPECT_EQ(old({pb::attribute("min", -1.0f), pb::attribute("max", 2.0f)}),
            Activation::clip(-1, 2));
  EXPECT_EQ(newer({"x", "0", "6"}), Activation::relu6);
  EXPECT_EQ(newer({"x", "0"}), Activation::relu);
  EXPECT_EQ(newer({"x", "", "6"}), Activation::clip(-INFINITY, 6));
}

TEST(OnnxImport, GeluByErf) {
  const std::vector<std::string> numbers = {
      pb::floats("root", {}, {1.41421354f}), pb::floats("1/root", {1}, {0.70710677f}),
      pb::floats("half", {}, {0.5f}), pb::floats("one", {}, {1})};
  const std::string quotient = pb::node("Div", {"x", "root"}, {"d"});
  const std::string erf = pb::node("Erf", {"d"}, {"e"});
  const std::string sum = pb::node("Add", {"e", "one"}, {"s"});
  const std::string expected = "x = input  2x3x8x6\ny = activate x  2x3x8x6\noutput y = y\n";
  const auto lines = [&](std::vector<std::string> last) {
    std::vector<std::string> nodes = {quotient, erf, sum};
    nodes.insert(nodes.end(), last.begin(), last.end());
    return graph_of(nodes, numbers).to_string();
  };
  EXPECT_EQ(lines({pb::node("Mul", {"x", "s"}, {"m"}), pb::node("Mul", {"m", "half"}, {"y"})}),
            expected);
  EXPECT_EQ(lines({pb::node("Mul", {"half", "x"}, {"m"}), pb::node("Mul", {"s", "m"}, {"y"})}),
            expected);
  EXPECT_EQ(lines({pb::node("Mul", {"s", "half"}, {"m"}), pb::node("Mul", {"x", "m"}, {"y"})}),
            expected);
  const Graph other_order =
      graph_of({pb::node("Mul", {"1/root", "x"}, {"d"}), erf, pb::node("Add", {"one", "e"}, {"s"}),
                pb::node("Mul", {"x", "s"}, {"m"}), pb::node("Mul", {"half", "m"}, {"y"})},
               numbers);
  EXPECT_EQ(other_order.to_string(), expected);
  EXPECT_EQ(made<op::Activate>(other_order).activation, Activation::gelu);
}

TEST(OnnxImport, AxesByOpset) {
  const std::vector<std::string> two = {pb::int64s("a", {2, -1})}, one = {pb::int64s("a", {0, 4})};
  const Sizes old = {.opset = 12}, ones = {.x = {2, 3, 1, 1}},
              old_ones = {.x = {2, 3, 1, 1}, .opset = 12};
  EXPECT_EQ(extents(graph_of({pb::node("Squeeze", {"x", "a"}, {"y"})}, two, ones)), "2x3");
  EXPECT_EQ(extents(graph_of({pb::node("Squeeze", {"x"}, {"y"})}, {}, ones)), "2x3");
  EXPECT_EQ(extents(graph_of({pb::node("Squeeze", {"x"}, {"y"}, {pb::integers("axes", {3})})}, {},
                             old_ones)),
            "2x3x1");
  EXPECT_EQ(extents(graph_of({pb::node("Unsqueeze", {"x", "a"}, {"y"})}, one)), "1x2x3x8x1x6");
  EXPECT_EQ(extents(graph_of({pb::node("Unsqueeze", {"x"}, {"y"}, {pb::integers("axes", {4})})}, {},
                             old)),
            "2x3x8x6x1");
  EXPECT_EQ(extents(graph_of({pb::node("ReduceMean", {"x", "a"}, {"y"})},
                             {pb::int64s("a", {-1, 2})}, {.opset = 18})),
            "2x3x1x1");
  EXPECT_EQ(
      extents(graph_of({pb::node("ReduceMean", {"x"}, {"y"},
                                 {pb::integers("axes", {2, 3}), pb::integer("keepdims", 0)})})),
      "2x3");
}

TEST(OnnxImport, SoftmaxByOpset) {
  const auto lines = [](std::int64_t opset, std::int64_t axis, std::vector<std::int64_t> x) {
    return graph_of({pb::node("Softmax", {"x"}, {"y"}, {pb::integer("axis", axis)})}, {},
                    {.x = std::move(x), .opset = opset})
        .to_string();
  };
  EXPECT_EQ(lines(13, 1, {2, 3, 4}), "x = input  2x3x4\ny = softmax x  2x3x4\noutput y = y\n");
  EXPECT_EQ(lines(12, 1, {2, 3, 4}),
            "x = input  2x3x4\ny/flat = reshape x  2x12\ny/shares = softmax y/flat  2x12\n"
            "y = reshape y/shares  2x3x4\noutput y = y\n");
  EXPECT_EQ(lines(12, 1, {2, 3, 1, 1}),
            "x = input  2x3x1x1\ny = softmax x  2x3x1x1\noutput y = y\n");
  EXPECT_EQ(lines(12, 2, {-1, 3, 4}), "x = input  ?x3x4\ny = softmax x  ?x3x4\noutput y = y\n");
}

TEST(OnnxImport, GemmFoldsItsFactors) {
  const std::vector<float> b = {1, 2, 3, 4, 5, 6};  // 3x2, or 2x3
  const auto linear = [&](std::vector<std::string> attributes, std::vector<std::int64_t> sizes,
                          std::vector<std::int64_t> c_sizes, std::vector<float> c) {
    return made<op::Linear>(graph_of({pb::node("Gemm", {"x", "b", "c"}, {"y"}, attributes)},
                                     {pb::floats("b", sizes, b), pb::floats("c", c_sizes, c)},
                                     {.x = {4, 3}}))
        .linear;
  };
  const auto list = [](const Constant& constant) {
    return std::vector<float>(constant.values().begin(), constant.values().end());
  };
  const LinearNode plain = linear({}, {3, 2}, {2}, {7, 8});
  EXPECT_EQ(plain.weights.extents(), (Extents{2, 3}));
  EXPECT_EQ(list(plain.weights), (std::vector<float>{1, 3, 5, 2, 4, 6}));
  EXPECT_EQ(list(plain.bias), (std::vector<float>{7, 8}));
  const LinearNode all =
      linear({pb::integer("transB", 1), pb::attribute("alpha", 2.0f), pb::attribute("beta", 0.5f)},
             {2, 3}, {1, 1}, {4});
  EXPECT_EQ(list(all.weights), (std::vector<float>{2, 4, 6, 8, 10, 12}));
  EXPECT_EQ(list(all.bias), (std::vector<float>{2, 2}));
  // A bias a row is no bias.
  const Graph rows =
      graph_of({pb::node("Gemm", {"x", "b", "c"}, {"y"})},
               {pb::floats("b", {3, 2}, b), pb::floats("c", {4, 1}, {1, 2, 3, 4})}, {.x = {4, 3}});
  EXPECT_EQ(
      rows.to_string(),
      "x = input  4x3\ny/product = linear x  4x2\ny = binary y/product y/c  4x2\noutput y = y\n");
  const Graph turned = graph_of({pb::node("Gemm", {"x", "b"}, {"y"}, {pb::integer("transA", 1)})},
                                {pb::floats("b", {3, 2}, b)}, {.x = {3, 4}});
  EXPECT_EQ(extents(turned), "4x2");
}

TEST(OnnxImport, ResizeThatRepeatsPixels) {
  const std::vector<std::string> scales = {pb::floats("s", {4}, {1, 1, 2, 3})};
  const auto resized = [&](std::vector<std::string> attributes) {
    return extents(graph_of({pb::node("Resize", {"x", "", "s"}, {"y"}, attributes)}, scales));
  };
  EXPECT_EQ(resized({}), "2x3x16x18");
  EXPECT_EQ(resized({pb::attribute("coordinate_transformation_mode", "asymmetric"),
                     pb::attribute("nearest_mode", "floor")}),
            "2x3x16x18");
  EXPECT_EQ(extents(graph_of({pb::node("Resize", {"x", "s"}, {"y"})}, scales, {.opset = 10})),
            "2x3x16x18");
  EXPECT_EQ(extents(graph_of({pb::node("Upsample", {"x", "s"}, {"y"})}, scales, {.opset = 9})),
            "2x3x16x18");
  EXPECT_EQ(extents(graph_of({pb::node("Resize", {"x", "", "", "z"}, {"y"})},
                             {pb::int64s("z", {2, 3, 8, 12})})),
            "2x3x8x12");
}

// The chain that exporters make of x.view(x.size(0), -1), and of a flatten by products.
TEST(OnnxImport, ShapesAreComputed) {
  const std::vector<std::string> chain = {
      pb::node("Shape", {"x"}, {"shape"}), pb::node("Slice", {"shape", "0", "1"}, {"n"}),
      pb::node("Concat", {"n", "-1"}, {"target"}, {pb::integer("axis", 0)}),
      pb::node("Reshape", {"x", "target"}, {"y"})};
  const std::vector<std::string> numbers = {pb::int64s("0", {0}), pb::int64s("1", {1}),
                                            pb::int64s("-1", {-1})};
  EXPECT_EQ(extents(graph_of(chain, numbers)), "2x144");
  EXPECT_EQ(extents(graph_of(chain, numbers, {.x = {-1, 3, 8, 6}})), "?x144");
  EXPECT_EQ(extents(graph_of(chain, numbers, {.x = {-1, 3, -1, 6}})), "?x?");

  const std::vector<std::string> product = {
      pb::node("Shape", {"x"}, {"shape"}),
      pb::node("Gather", {"shape", "zero"}, {"n"}),
      pb::node("Gather", {"shape", "one"}, {"c"}),
      pb::node("Gather", {"shape", "two"}, {"h"}),
      pb::node("Gather", {"shape", "three"}, {"w"}),
      pb::node("Mul", {"c", "h"}, {"ch"}),
      pb::node("Mul", {"ch", "w"}, {"chw"}),
      pb::node("Unsqueeze", {"n", "0"}, {"n1"}),
      pb::node("Unsqueeze", {"chw", "0"}, {"chw1"}),
      pb::node("Concat", {"n1", "chw1"}, {"target"}, {pb::integer("axis", 0)}),
      pb::node("Reshape", {"x", "target"}, {"y"})};
  const auto scalar = [](const char* name, std::int64_t value) {
    return pb::tensor(name, 7, {}, pb::raw(std::vector<std::int64_t>{value}));
  };
  const std::vector<std::string> indices = {scalar("zero", 0), scalar("one", 1), scalar("two", 2),
                                            scalar("three", -1), pb::int64s("0", {0})};
  EXPECT_EQ(extents(graph_of(product, indices)), "2x144");
  EXPECT_EQ(extents(graph_of(product, indices, {.x = {2, 3, -1, -1}})), "2x?");
}

TEST(OnnxImport, ConstantsAreComputed) {
  const Graph graph =
      graph_of({pb::node("ConstantOfShape", {"shape"}, {"w"},
                         {pb::tensor_attribute("value", pb::floats("", {1}, {0.5f}))}),
                pb::node("Conv", {"x", "w"}, {"c"}), pb::node("Sub", {"x", "half"}, {"s"}),
                pb::node("Div", {"s", "four"}, {"d"}), pb::node("Conv", {"d", "w"}, {"e"}),
                pb::node("Add", {"c", "e"}, {"y"})},
               {pb::int64s("shape", {4, 3, 1, 1}), pb::floats("half", {}, {0.5f}),
                pb::tensor("four", 10, {1}, std::string("\x00\x44", 2))});  // float16
  EXPECT_EQ(values(graph, "s/negative"), (std::vector<float>{-0.5f}));
  EXPECT_EQ(values(graph, "d/reciprocal"), (std::vector<float>{0.25f}));
  EXPECT_EQ(extents(graph), "2x4x8x6");
}

TEST(OnnxImport, HalvesBecomeFloats) {
  const std::vector<std::uint16_t> f16 = {0x0000, 0x8000, 0x3c00, 0xc000, 0x0001, 0x03ff,
                                          0x0400, 0x7bff, 0x7c00, 0xfc00, 0x3555};
  const std::vector<float> expected = {0,        -0.0f, 1,        -2,        0x1p-24f,   0x3ffp-24f,
                                       0x1p-14f, 65504, INFINITY, -INFINITY, 0x1.554p-2f};
  const Graph graph = graph_of({pb::node("Add", {"x", "w"}, {"y"})},
                               {pb::tensor("w", 10, {11}, pb::raw(f16))}, {.x = {11}});
  EXPECT_EQ(values(graph, "w"), expected);
  const Graph bf16 =
      graph_of({pb::node("Add", {"x", "w"}, {"y"})},
               {pb::tensor("w", 16, {2}, std::string("\x80\x3f\x49\xc0", 4))}, {.x = {2}});
  EXPECT_EQ(values(bf16, "w"), (std::vector<float>{1, -3.140625f}));
  const Graph doubles =
      graph_of({pb::node("Add", {"x", "w"}, {"y"})},
               {pb::tensor("w", 11, {2}, pb::raw(std::vector<double>{0.1, -4}))}, {.x = {2}});
  EXPECT_EQ(values(doubles, "w"), (std::vector<float>{0.1f, -4}));
}

TEST(OnnxImport, CutsAtTensors) {
  const pb::Model model = {
      .nodes = {pb::node("Relu", {"x"}, {"a"}), pb::node("Flatten", {"a"}, {"b"}),
                pb::node("Tanh", {"b"}, {"c"}), pb::node("NonMaxSuppression", {"c"}, {"y"})},
      .inputs = {pb::value_info("x", {-1, 3, 2, 2})},
      .outputs = {pb::value_info("y", {})}};
  const std::string bytes = model.to_bytes();
  EXPECT_FALSE(onnx::read(bytes_of(bytes)).ok());
  const auto head = onnx::read(bytes_of(bytes), {.outputs = {"b", "a"}});
  ASSERT_TRUE(head.ok()) << head.status().message();
  EXPECT_EQ(head->to_string(),
            "x = input  ?x3x2x2\na = activate x  ?x3x2x2\nb = reshape a  ?x12\n"
            "output b = b\noutput a = a\n");
  // The extents of b, which the file does not tell, are those of the whole file's.
  const auto tail = onnx::read(bytes_of(bytes), {.inputs = {"b"}, .outputs = {"c"}});
  ASSERT_TRUE(tail.ok()) << tail.status().message();
  EXPECT_EQ(tail->to_string(), "b = input  ?x12\nc = activate b  ?x12\noutput c = c\n");
}

TEST(OnnxImport, InputsMayBeBound) {
  const pb::Model model = {
      .nodes = {pb::node("Reshape", {"x", "shape"}, {"r"}), pb::node("MatMul", {"r", "w"}, {"y"})},
      .inputs = {pb::value_info("x", {2, 6}), pb::value_info("shape", {2}, 7),
                 pb::value_info("w", {3, 1})},
      .outputs = {pb::value_info("y", {})}};
  const std::string bytes = model.to_bytes();
  onnx::ReadOptions options;
  options.constants["w"] = Constant({3, 1}, std::vector<float>{1, 2, 3});
  options.constants["shape"] = Constant({2}, std::vector<float>{-1, 3});
  const auto graph = onnx::read(bytes_of(bytes), options);
  ASSERT_TRUE(graph.ok()) << graph.status().message();
  EXPECT_EQ(graph->to_string(),
            "x = input  2x6\nr = reshape x  4x3\ny = linear r  4x1\noutput y = y\n");
  options.constants["shape"] = Constant({2}, std::vector<float>{-1, 2.5f});
  EXPECT_TRUE(fails_with(onnx::read(bytes_of(bytes), options), kInvalid, {"whole numbers", "2.5"}));
}

TEST(OnnxImport, FilesKeepTheirWeights) {
  const TestFolder folder;
  const std::vector<float> weights = {1, 2, 3, 4};
  folder.write("w.bin", pb::raw(weights));
  const std::string tensor = pb::dims({4}) + pb::number(2, 1) + pb::bytes(8, "w") +
                             pb::number(14, 1) +
                             pb::bytes(13, pb::bytes(1, "location") + pb::bytes(2, "w.bin"));
  const pb::Model model = {.nodes = {pb::node("Add", {"x", "w"}, {"y"})},
                           .initializers = {tensor},
                           .inputs = {pb::value_info("x", {4})},
                           .outputs = {pb::value_info("y", {})}};
  const auto graph = onnx::read(folder.write("model.onnx", model.to_bytes()));
  ASSERT_TRUE(graph.ok()) << graph.status().message();
  std::filesystem::remove(folder.path() / "w.bin");  // the mapping stays
  EXPECT_EQ(values(*graph, "w"), weights);
  EXPECT_TRUE(fails_with(onnx::read(folder.path() / "model.onnx"), kInvalid,
                         {"node \"y\" (Add, opset 17): ", "\"w.bin\" cannot be found"}));
}

}  // namespace
}  // namespace foldconv::test
