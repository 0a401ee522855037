// SPDX-License-Identifier: MIT
// Calls that cannot be right.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <string>

#include "c/run.hpp"
#include "c/small_network.hpp"

namespace foldconv::c_tests {
namespace {

template <class Call>
void expect_invalid(Call call, std::initializer_list<std::string_view> parts) {
  EXPECT_TRUE(fails_with(call, FC_INVALID_ARGUMENT, parts));
}

class CErrors : public testing::Test {
 protected:
  OwnedGraph graph_ = made<OwnedGraph>([](fc_graph** object, fc_error* error) {
    return fc_resnet_read_file(small_resnet_file().c_str(), nullptr, object, error);
  });
  OwnedNetwork network_ = small_network(FC_TYPE_F16);
  fc_plan_options shape_ = small_shape();
  OwnedPlan plan_ = made<OwnedPlan>([this](fc_plan** object, fc_error* error) {
    return fc_network_plan(network_.get(), &shape_, object, error);
  });

  // Of what would be another plan.
  testing::AssertionResult plan_fails(fc_code code, std::initializer_list<std::string_view> parts) {
    fc_plan* plan = plan_.get();  // anything: null afterwards
    const auto result =
        fails_with([&](fc_error* e) { return fc_network_plan(network_.get(), &shape_, &plan, e); },
                   code, parts);
    if (plan != nullptr) return testing::AssertionFailure() << "a plan";
    return result;
  }
};

TEST(CCodes, HaveNames) {
  const char* const names[] = {
      "ok",        "invalid_argument",    "unsupported",    "misaligned",
      "aliasing",  "workspace_too_small", "device_too_old", "out_of_memory",
      "cuda_error"};
  for (int code = FC_OK; code <= FC_CUDA_ERROR; ++code)
    EXPECT_STREQ(fc_code_name(code), names[code]);
  for (const int code : {-1, FC_CUDA_ERROR + 1, std::numeric_limits<int>::min()}) {
    EXPECT_STREQ(fc_code_name(code), "unknown");
  }
  const Version version = foldconv::version();
  EXPECT_EQ(fc_version(), std::to_string(version.major) + "." + std::to_string(version.minor) +
                              "." + std::to_string(version.patch));
}

TEST_F(CErrors, NullPointers) {
  const char* const path = small_resnet_file().c_str();
  fc_graph* graph = nullptr;
  fc_network* network = nullptr;
  fc_plan* plan = nullptr;
  fc_cuda_graph* captured = nullptr;
  fc_port port = {.size = sizeof port};
  fc_tensor tensor = {.size = sizeof tensor};
  char text[8];
  const fc_buffers buffers = {.size = sizeof buffers};
  expect_invalid([&](fc_error* e) { return fc_resnet_read_file(nullptr, nullptr, &graph, e); },
                 {"null", "path"});
  expect_invalid([&](fc_error* e) { return fc_resnet_read_file(path, nullptr, nullptr, e); },
                 {"null", "graph"});
  expect_invalid([&](fc_error* e) { return fc_network_create(nullptr, nullptr, &network, e); },
                 {"null", "graph"});
  expect_invalid([&](fc_error* e) { return fc_network_create(graph_.get(), nullptr, nullptr, e); },
                 {"null", "network"});
  expect_invalid([&](fc_error* e) { return fc_network_explain(nullptr, text, 8, nullptr, e); },
                 {"null", "network"});
  expect_invalid(
      [&](fc_error* e) { return fc_network_explain(network_.get(), nullptr, 8, nullptr, e); },
      {"null", "text"});
  expect_invalid([&](fc_error* e) { return fc_network_plan(nullptr, nullptr, &plan, e); },
                 {"null", "network"});
  expect_invalid([&](fc_error* e) { return fc_network_plan(network_.get(), &shape_, nullptr, e); },
                 {"null", "plan"});
  expect_invalid([&](fc_error* e) { return fc_plan_input(nullptr, 0, &port, e); },
                 {"null", "plan"});
  expect_invalid([&](fc_error* e) { return fc_plan_input(plan_.get(), 0, nullptr, e); },
                 {"null", "fc_port"});
  expect_invalid([&](fc_error* e) { return fc_plan_output(nullptr, 0, &port, e); },
                 {"null", "plan"});
  expect_invalid([&](fc_error* e) { return fc_plan_output(plan_.get(), 0, nullptr, e); },
                 {"null", "fc_port"});
  expect_invalid([&](fc_error* e) { return fc_plan_tensor(nullptr, "fc", &tensor, e); },
                 {"null", "plan"});
  expect_invalid([&](fc_error* e) { return fc_plan_tensor(plan_.get(), nullptr, &tensor, e); },
                 {"null", "name"});
  expect_invalid([&](fc_error* e) { return fc_plan_explain(nullptr, text, 8, nullptr, e); },
                 {"null", "plan"});
  expect_invalid([&](fc_error* e) { return fc_plan_explain(plan_.get(), nullptr, 8, nullptr, e); },
                 {"null", "text"});
  expect_invalid([&](fc_error* e) { return fc_plan_run(nullptr, &buffers, nullptr, e); },
                 {"null", "plan"});
  expect_invalid([&](fc_error* e) { return fc_plan_run(plan_.get(), nullptr, nullptr, e); },
                 {"null", "buffers"});
  expect_invalid([&](fc_error* e) { return fc_plan_capture(nullptr, &buffers, &captured, e); },
                 {"null", "plan"});
  expect_invalid([&](fc_error* e) { return fc_plan_capture(plan_.get(), nullptr, &captured, e); },
                 {"null", "buffers"});
  expect_invalid([&](fc_error* e) { return fc_plan_capture(plan_.get(), &buffers, nullptr, e); },
                 {"null", "cuda_graph"});
  expect_invalid([&](fc_error* e) { return fc_cuda_graph_launch(nullptr, nullptr, e); },
                 {"null", "cuda_graph"});
  EXPECT_EQ(fc_plan_images(nullptr), 0);
  EXPECT_EQ(fc_plan_input_count(nullptr), 0u);
  EXPECT_EQ(fc_plan_output_count(nullptr), 0u);
  EXPECT_EQ(fc_plan_workspace_bytes(nullptr), 0u);
  EXPECT_EQ(fc_problems_count(nullptr), 0u);
  fc_graph_free(nullptr);
  fc_network_free(nullptr);
  fc_plan_free(nullptr);
  fc_cuda_graph_free(nullptr);
  fc_problems_free(nullptr);
}

TEST_F(CErrors, InstructionsThatTheDeviceLacks) {
  shape_ = small_shape();
  shape_.instructions = FC_INSTRUCTIONS_SM90;  // the emulated device is of 8.0
  EXPECT_TRUE(plan_fails(FC_UNSUPPORTED, {"instructions", "9.0 alone", "8.0"}));
  shape_ = small_shape();
  shape_.reserved = 1;
  EXPECT_TRUE(plan_fails(FC_INVALID_ARGUMENT, {"fc_plan_options::reserved is not 0"}));
}

TEST_F(CErrors, NumbersOutsideOfTheirEnums) {
  const auto expect_plan_fails = [&](std::int32_t fc_plan_options::*member, std::int32_t value,
                                     std::string_view name) {
    shape_ = small_shape();
    shape_.*member = value;
    EXPECT_TRUE(plan_fails(FC_INVALID_ARGUMENT, {name, std::to_string(value)})) << name;
  };
  for (const std::int32_t value : {-1, 17, std::numeric_limits<std::int32_t>::max()}) {
    expect_plan_fails(&fc_plan_options::cut, value, "cut");
    expect_plan_fails(&fc_plan_options::instructions, value, "instructions");
    expect_plan_fails(&fc_plan_options::input_type, value, "input_type");
    expect_plan_fails(&fc_plan_options::input_layout, value, "input_layout");
    expect_plan_fails(&fc_plan_options::output, value, "output");
    const fc_network_options options = {.size = sizeof options, .type = value, .flags = 0};
    fc_network* network = nullptr;
    expect_invalid(
        [&](fc_error* e) { return fc_network_create(graph_.get(), &options, &network, e); },
        {"type", std::to_string(value)});
    fc_graph* graph = nullptr;
    fc_resnet_options resnet = {.size = sizeof resnet};
    resnet.stride_at = value;
    expect_invalid(
        [&](fc_error* e) {
          return fc_resnet_read_file(small_resnet_file().c_str(), &resnet, &graph, e);
        },
        {"stride_at", std::to_string(value)});
  }
  expect_plan_fails(&fc_plan_options::input_type, FC_TYPE_BF16, "input_type");
  shape_ = small_shape();
  shape_.flags = 4;
  EXPECT_TRUE(plan_fails(FC_INVALID_ARGUMENT, {"fc_plan_options::flags", "4"}));
  for (const fc_network_options& options :
       {fc_network_options{16, FC_TYPE_U8, 0}, fc_network_options{16, FC_TYPE_F16, 4}}) {
    fc_network* network = nullptr;
    expect_invalid(
        [&](fc_error* e) { return fc_network_create(graph_.get(), &options, &network, e); },
        {"fc_network_options::"});
  }
}

TEST_F(CErrors, PlansThatCannotBe) {
  shape_.h = -1;
  EXPECT_TRUE(plan_fails(FC_INVALID_ARGUMENT, {"image", "-1"}));
  shape_ = {.size = sizeof shape_};
  EXPECT_TRUE(plan_fails(FC_INVALID_ARGUMENT, {"image", "open"}));
  shape_ = small_shape();
  shape_.input_count = 1;
  EXPECT_TRUE(plan_fails(FC_INVALID_ARGUMENT, {"null", "inputs"}));
  fc_extents inputs[2] = {{nullptr, 4}, {nullptr, 0}};
  shape_.inputs = inputs;
  EXPECT_TRUE(plan_fails(FC_INVALID_ARGUMENT, {"null", "inputs[0].values"}));
  inputs[0].rank = 0;
  EXPECT_TRUE(plan_fails(FC_INVALID_ARGUMENT, {"image", "another number of extents"}));
  shape_.input_count = 2;
  EXPECT_TRUE(plan_fails(FC_INVALID_ARGUMENT, {"2 of 1"}));

  shape_ = small_shape();
  shape_.keep_count = 1;
  EXPECT_TRUE(plan_fails(FC_INVALID_ARGUMENT, {"null", "keep of 1"}));
  const char* keep[] = {"layer4.0", nullptr};
  shape_.keep = keep;
  shape_.keep_count = 2;
  EXPECT_TRUE(plan_fails(FC_INVALID_ARGUMENT, {"null", "keep[1]"}));
  keep[1] = "no such tensor";
  EXPECT_TRUE(plan_fails(FC_INVALID_ARGUMENT, {"no such tensor"}));
}

// Counts that nobody set: the bytes of such lists overflow.
TEST_F(CErrors, CountsThatCannotBe) {
  const char* const name = "relu";
  const std::int64_t value = 1;
  const fc_extents extents = {&value, std::size_t{1} << 61};
  const void* const input = nullptr;
  void* const output = nullptr;
  for (const std::size_t count :
       {std::size_t{1} << 60, (std::size_t{1} << 61) + 1, ~std::size_t{0}}) {
    const std::string shown = std::to_string(count);
    shape_ = small_shape();
    shape_.keep = &name;
    shape_.keep_count = count;
    EXPECT_TRUE(plan_fails(FC_INVALID_ARGUMENT, {"fc_plan_options::keep has more", shown}));
    shape_ = small_shape();
    shape_.inputs = &extents;
    shape_.input_count = count;
    EXPECT_TRUE(plan_fails(FC_INVALID_ARGUMENT, {"fc_plan_options::inputs has more", shown}));
    fc_buffers buffers = {.size = sizeof buffers, .inputs = &input, .input_count = count};
    const auto run = [&](fc_error* e) { return fc_plan_run(plan_.get(), &buffers, nullptr, e); };
    expect_invalid(run, {"fc_buffers::inputs has more", shown});
    buffers = {.size = sizeof buffers, .outputs = &output, .output_count = count};
    expect_invalid(run, {"fc_buffers::outputs has more", shown});
  }
  shape_.input_count = 1;
  EXPECT_TRUE(
      plan_fails(FC_INVALID_ARGUMENT, {"inputs[0].values has more", std::to_string(extents.rank)}));
}

// Names of the caller's that are no text: the message is.
TEST_F(CErrors, MessagesAreLinesOfUtf8) {
  const char* const name = "a\n\xff\u20ac";
  shape_.keep = &name;
  shape_.keep_count = 1;
  EXPECT_TRUE(plan_fails(FC_INVALID_ARGUMENT, {"\"a\\x0a\\xff\u20ac\""}));
  fc_tensor tensor = {.size = sizeof tensor};
  expect_invalid([&](fc_error* e) { return fc_plan_tensor(plan_.get(), name, &tensor, e); },
                 {"\"a\\x0a\\xff\u20ac\""});
}

TEST_F(CErrors, FilesThatAreNone) {
  fc_graph* graph = graph_.get();  // anything: null afterwards
  expect_invalid([&](fc_error* e) { return fc_resnet_read_file("/no/file", nullptr, &graph, e); },
                 {"/no/file"});
  EXPECT_EQ(graph, nullptr);
  fc_resnet_options options = {.size = sizeof options};
  const auto read = [&](fc_error* e) {
    return fc_resnet_read_file(small_resnet_file().c_str(), &options, &graph, e);
  };
  options.prefix = "module.";
  expect_invalid(read, {"module."});
  options = {.size = sizeof options};
  options.reserved = 1;
  expect_invalid(read, {"fc_resnet_options::reserved"});
  options = {.size = sizeof options};
  options.eps = -7;  // it is the fold that looks at it
  const auto negative = made<OwnedGraph>([&](fc_graph** object, fc_error* error) {
    return fc_resnet_read_file(small_resnet_file().c_str(), &options, object, error);
  });
  fc_network* network = nullptr;
  expect_invalid(
      [&](fc_error* e) { return fc_network_create(negative.get(), nullptr, &network, e); }, {"-7"});
}

TEST_F(CErrors, IndicesOutsideOfThePlan) {
  fc_port port = {.size = sizeof port};
  for (const std::size_t index : {std::size_t{1}, ~std::size_t{0}}) {
    expect_invalid([&](fc_error* e) { return fc_plan_input(plan_.get(), index, &port, e); },
                   {"no input", std::to_string(index) + " of 1", "fc_plan_input_count()"});
    expect_invalid([&](fc_error* e) { return fc_plan_output(plan_.get(), index, &port, e); },
                   {"no output", std::to_string(index) + " of 1", "fc_plan_output_count()"});
  }
}

TEST_F(CErrors, BuffersThatDoNotFit) {
  const Memory memory(plan_.get(), random_images());
  const fc_buffers right = memory.buffers();
  const auto run_fails = [&](const fc_buffers& buffers, fc_code code,
                             std::initializer_list<std::string_view> parts) {
    fc_cuda_graph* captured = nullptr;
    EXPECT_TRUE(fails_with(
        [&](fc_error* e) { return fc_plan_run(plan_.get(), &buffers, nullptr, e); }, code, parts));
    EXPECT_TRUE(fails_with(
        [&](fc_error* e) { return fc_plan_capture(plan_.get(), &buffers, &captured, e); }, code,
        parts));
  };
  fc_buffers wrong = right;
  wrong.input_count = 0;
  run_fails(wrong, FC_INVALID_ARGUMENT, {"another number of inputs"});
  wrong = right;
  wrong.outputs = nullptr;
  run_fails(wrong, FC_INVALID_ARGUMENT, {"null", "outputs of 1"});
  wrong = right;
  const void* nothing = nullptr;
  wrong.inputs = &nothing;
  run_fails(wrong, FC_INVALID_ARGUMENT, {"image"});
  wrong = right;
  const void* odd = static_cast<const char*>(right.inputs[0]) + 4;
  wrong.inputs = &odd;
  run_fails(wrong, FC_MISALIGNED, {"image"});
  wrong = right;
  void* same = const_cast<void*>(right.inputs[0]);
  wrong.outputs = &same;
  run_fails(wrong, FC_ALIASING, {"image", "logits"});
  wrong = right;
  --wrong.workspace_bytes;
  run_fails(wrong, FC_WORKSPACE_TOO_SMALL, {"workspace"});
  for (const std::int32_t images : {-1, kImages + 1}) {
    wrong = right;
    wrong.images = images;
    run_fails(wrong, FC_INVALID_ARGUMENT, {"images", std::to_string(images)});
  }
  wrong = right;
  wrong.reserved = 1;
  run_fails(wrong, FC_INVALID_ARGUMENT, {"fc_buffers::reserved"});
  EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  for (const std::byte b : memory.output()) ASSERT_EQ(int(b), harness::DeviceBuffer::kPoison);
}

TEST_F(CErrors, AnotherDevice) {
  int devices = 0;
  ASSERT_EQ(cudaGetDeviceCount(&devices), cudaSuccess);
  if (devices < 2) GTEST_SKIP() << "one device";
  const Memory memory(plan_.get(), random_images());
  const fc_buffers buffers = memory.buffers();
  ASSERT_EQ(cudaSetDevice(1), cudaSuccess);
  expect_invalid([&](fc_error* e) { return fc_plan_run(plan_.get(), &buffers, nullptr, e); },
                 {"current 1", "cudaSetDevice(0)"});
  EXPECT_TRUE(plan_fails(FC_INVALID_ARGUMENT, {"cudaSetDevice(0)"}));
  const harness::Stream stream = harness::make_stream();  // of device 1
  EXPECT_EQ(cudaSetDevice(0), cudaSuccess);
  EXPECT_TRUE(fails_with(
      [&](fc_error* e) { return fc_plan_run(plan_.get(), &buffers, stream.get(), e); },
      FC_CUDA_ERROR, {"cudaErrorInvalidResourceHandle", "a stream of the current device"}));
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
}

// A message that is longer than its place: cut between characters, and nothing behind it is touched.
TEST_F(CErrors, LongMessagesAreCut) {
  struct {
    fc_error error;
    std::array<unsigned char, 64> behind;
  } place;
  for (int shift = 0; shift < 3; ++shift) {
    std::string name(static_cast<std::size_t>(shift), 'a');
    for (int i = 0; i < 800; ++i) name += "\u20ac";  // three bytes
    const char* keep[] = {name.c_str()};
    shape_.keep = keep;
    shape_.keep_count = 1;
    std::memset(&place, 0x55, sizeof place);
    fc_plan* plan = nullptr;
    EXPECT_EQ(fc_network_plan(network_.get(), &shape_, &plan, &place.error), FC_INVALID_ARGUMENT);
    const std::string_view message(place.error.message);
    EXPECT_LE(message.size(), 1023u);
    EXPECT_GE(message.size(), 1021u);
    ASSERT_TRUE(message.ends_with("\u20ac..."));
    EXPECT_TRUE(std::ranges::all_of(place.behind, [](int b) { return b == 0x55; }));
  }
}

}  // namespace
}  // namespace foldconv::c_tests
