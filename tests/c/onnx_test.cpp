// SPDX-License-Identifier: MIT
// ONNX files, where the library reads them; else what it says.
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "c/run.hpp"
#include "c/small_network.hpp"
#include "harness/network/run.hpp"

namespace foldconv::c_tests {
namespace {

#if FOLDCONV_C_READS_ONNX

OwnedGraph read(const std::string& bytes, const fc_onnx_options* options = nullptr) {
  return made<OwnedGraph>([&](fc_graph** object, fc_error* error) {
    return fc_onnx_read(bytes.data(), bytes.size(), options, object, error);
  });
}

OwnedPlan planned_for_two(const OwnedGraph& graph) {
  const auto network = made<OwnedNetwork>([&](fc_network** object, fc_error* error) {
    return fc_network_create(graph.get(), nullptr, object, error);
  });
  const fc_plan_options options = {.size = sizeof options, .n = 2, .h = 4, .w = 4};
  return made<OwnedPlan>([&](fc_plan** object, fc_error* error) {
    return fc_network_plan(network.get(), &options, object, error);
  });
}

std::vector<float> result_of_ones(const OwnedPlan& plan) {
  const Memory memory(plan.get(), harness::bytes_of(std::vector<float>(2 * 2 * 4 * 4, 1.0f)));
  const fc_buffers buffers = memory.buffers();
  EXPECT_EQ(fc_plan_run(plan.get(), &buffers, nullptr, nullptr), FC_OK);
  return harness::floats(memory.output());
}

// Another operation under the name of one: the file stays one.
std::string with_unknown_operation() {
  std::string bytes = tiny_onnx();
  bytes.replace(bytes.find("\"\x04Relu") + 2, 4, "Rulu");  // field 4, of 4 bytes
  return bytes;
}

TEST(COnnx, RunsFilesAndBytes) {
  // Ones under 3x3 ones over two channels: 18 inside, 12 at edges, 8 in corners; 12.5 on average.
  const std::vector<float> logits = {25.0f, -11.5f, 25.0f, -11.5f};
  EXPECT_EQ(result_of_ones(planned_for_two(read(tiny_onnx()))), logits);
  const auto of_file = made<OwnedGraph>([](fc_graph** object, fc_error* error) {
    return fc_onnx_read_file(FOLDCONV_TINY_ONNX, nullptr, object, error);
  });
  EXPECT_EQ(result_of_ones(planned_for_two(of_file)), logits);
}

TEST(COnnx, IsCutByNames) {
  const char* const outputs[] = {"flat"};
  fc_onnx_options options = {.size = sizeof options};
  options.outputs = outputs;
  options.output_count = 1;
  EXPECT_EQ(result_of_ones(planned_for_two(read(tiny_onnx(), &options))), std::vector(2, 12.5f));

  const char* const inputs[] = {"no such"};
  options.inputs = inputs;
  options.input_count = 1;
  const std::string bytes = tiny_onnx();
  fc_graph* graph = nullptr;
  const auto fails = [&](fc_error* e) {
    return fc_onnx_read(bytes.data(), bytes.size(), &options, &graph, e);
  };
  EXPECT_TRUE(fails_with(fails, FC_INVALID_ARGUMENT, {"no such"}));
  options.inputs = nullptr;
  EXPECT_TRUE(fails_with(fails, FC_INVALID_ARGUMENT, {"null", "fc_onnx_options::inputs of 1"}));
  options.size = 8;
  EXPECT_TRUE(fails_with(fails, FC_INVALID_ARGUMENT, {"fc_onnx_options", "size = 8"}));
}

TEST(COnnx, TakesValuesForTensors) {
  const std::int64_t matrix[] = {2, 1}, vector[] = {2};
  const float fc[] = {4, -2}, bias[] = {1, 2};
  fc_constant constants[] = {{"fc", {matrix, 2}, fc}, {"bias", {vector, 1}, bias}};
  fc_onnx_options options = {.size = sizeof options};
  options.constants = constants;
  options.constant_count = 2;
  EXPECT_EQ(result_of_ones(planned_for_two(read(tiny_onnx(), &options))),
            (std::vector<float>{51, -23, 51, -23}));  // of 12.5

  const std::string bytes = tiny_onnx();
  fc_graph* graph = nullptr;
  const auto expect_fails = [&](const fc_constant& second,
                                std::initializer_list<std::string_view> parts) {
    constants[1] = second;
    EXPECT_TRUE(fails_with(
        [&](fc_error* e) { return fc_onnx_read(bytes.data(), bytes.size(), &options, &graph, e); },
        FC_INVALID_ARGUMENT, parts));
  };
  const std::int64_t none[] = {2, 0}, huge[] = {1 << 20, 1 << 21}, below[] = {-1, -2};
  const std::string_view second = "fc_onnx_options::constants[1]";
  expect_fails({"no such", {vector, 1}, bias}, {"constants", "no such"});
  expect_fails({"fc", {vector, 1}, bias}, {second, "the name of another", "fc"});
  expect_fails({nullptr, {vector, 1}, bias}, {"null", second, ".name"});
  expect_fails({"bias", {vector, 1}, nullptr}, {"null", second, ".values"});
  expect_fails({"bias", {nullptr, 1}, bias}, {"null", second, ".extents.values"});
  expect_fails({"bias", {none, 2}, bias}, {second, "0"});
  expect_fails({"bias", {below, 2}, bias}, {second, "-1"});
  expect_fails({"bias", {huge, 2}, bias}, {second, "2097152", "2^40"});
  options.constant_count = ~std::size_t{0};
  expect_fails({"bias", {vector, 1}, bias}, {"constants has more"});
  options.constants = nullptr;
  options.constant_count = 1;
  expect_fails({"bias", {vector, 1}, bias}, {"null", "fc_onnx_options::constants of 1"});
}

TEST(COnnx, ListsWhatIsNotTaken) {
  const std::string bytes = with_unknown_operation();
  const auto problems = made<OwnedProblems>([&](fc_problems** object, fc_error* error) {
    return fc_onnx_inspect(bytes.data(), bytes.size(), nullptr, object, error);
  });
  ASSERT_GE(fc_problems_count(problems.get()), 1u);
  fc_problem problem = {.size = sizeof problem};
  fc_error error = untouched();
  ASSERT_EQ(fc_problems_get(problems.get(), 0, &problem, &error), FC_OK) << error.message;
  EXPECT_EQ(problem.code, FC_UNSUPPORTED);
  EXPECT_STREQ(problem.op, "Rulu");
  EXPECT_STREQ(problem.node, "relu");
  EXPECT_EQ(problem.opset, 17);
  EXPECT_NE(std::string(problem.text).find(problem.remedy), std::string::npos);
  for (const char* part : {problem.rule, problem.value, problem.remedy}) EXPECT_STRNE(part, "");

  fc_graph* graph = nullptr;
  EXPECT_TRUE(fails_with(
      [&](fc_error* e) { return fc_onnx_read(bytes.data(), bytes.size(), nullptr, &graph, e); },
      FC_UNSUPPORTED, {problem.text}));
  const std::size_t count = fc_problems_count(problems.get());
  EXPECT_TRUE(
      fails_with([&](fc_error* e) { return fc_problems_get(problems.get(), count, &problem, e); },
                 FC_INVALID_ARGUMENT, {"no problem", "fc_problems_count()"}));
  problem.size = 0;
  EXPECT_TRUE(
      fails_with([&](fc_error* e) { return fc_problems_get(problems.get(), 0, &problem, e); },
                 FC_INVALID_ARGUMENT, {"fc_problem"}));
  EXPECT_TRUE(fails_with([&](fc_error* e) { return fc_problems_get(nullptr, 0, &problem, e); },
                         FC_INVALID_ARGUMENT, {"null", "problems"}));

  const auto none = made<OwnedProblems>([](fc_problems** object, fc_error* e) {
    return fc_onnx_inspect_file(FOLDCONV_TINY_ONNX, nullptr, object, e);
  });
  EXPECT_EQ(fc_problems_count(none.get()), 0u);
}

TEST(COnnx, RefusesWhatIsNoFile) {
  fc_graph* graph = nullptr;
  fc_problems* problems = nullptr;
  const std::string bytes = tiny_onnx();
  const std::size_t half = bytes.size() / 2;
  const auto expect_invalid_read = [](auto call, std::initializer_list<std::string_view> parts) {
    EXPECT_TRUE(fails_with(call, FC_INVALID_ARGUMENT, parts));
  };
  expect_invalid_read(
      [&](fc_error* e) { return fc_onnx_read(bytes.data(), half, nullptr, &graph, e); }, {});
  expect_invalid_read(
      [&](fc_error* e) { return fc_onnx_read(bytes.data(), 0, nullptr, &graph, e); }, {});
  expect_invalid_read([&](fc_error* e) { return fc_onnx_read(nullptr, 5, nullptr, &graph, e); },
                      {"null", "bytes"});
  expect_invalid_read(
      [&](fc_error* e) { return fc_onnx_read(bytes.data(), half, nullptr, nullptr, e); },
      {"null", "graph"});
  expect_invalid_read(
      [&](fc_error* e) { return fc_onnx_read_file("/no/file", nullptr, &graph, e); }, {"file"});
  expect_invalid_read([&](fc_error* e) { return fc_onnx_read_file(nullptr, nullptr, &graph, e); },
                      {"null", "path"});
  expect_invalid_read(
      [&](fc_error* e) { return fc_onnx_inspect(bytes.data(), half, nullptr, &problems, e); }, {});
  expect_invalid_read(
      [&](fc_error* e) { return fc_onnx_inspect(nullptr, 5, nullptr, &problems, e); },
      {"null", "bytes"});
  expect_invalid_read(
      [&](fc_error* e) { return fc_onnx_inspect_file("/no/file", nullptr, &problems, e); },
      {"file"});
  expect_invalid_read(
      [&](fc_error* e) { return fc_onnx_inspect_file(nullptr, nullptr, &problems, e); },
      {"null", "path"});
}

#else

TEST(COnnx, IsNotThere) {
  fc_graph* graph = nullptr;
  fc_problems* problems = nullptr;
  EXPECT_TRUE(fails_with([&](fc_error* e) { return fc_onnx_read("", 1, nullptr, &graph, e); },
                         FC_UNSUPPORTED, {"ONNX", "protozero"}));
  EXPECT_TRUE(fails_with([&](fc_error* e) { return fc_onnx_read_file("", nullptr, &graph, e); },
                         FC_UNSUPPORTED, {"ONNX", "protozero"}));
  EXPECT_TRUE(fails_with([&](fc_error* e) { return fc_onnx_inspect("", 1, nullptr, &problems, e); },
                         FC_UNSUPPORTED, {"ONNX", "protozero"}));
  EXPECT_TRUE(
      fails_with([&](fc_error* e) { return fc_onnx_inspect_file("", nullptr, &problems, e); },
                 FC_UNSUPPORTED, {"ONNX", "protozero"}));
}

#endif

}  // namespace
}  // namespace foldconv::c_tests
