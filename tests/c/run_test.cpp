// SPDX-License-Identifier: MIT
// Networks that run: the bits of the C++ API.
#include "c/run.hpp"

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "c/small_network.hpp"
#include "harness/error.hpp"
#include "harness/network/run.hpp"

namespace foldconv::c_tests {
namespace {

using harness::Bytes;

NetworkPlanOptions shape_by_cpp() {
  return {.n = kImages, .h = kHeight, .w = kWidth};
}

harness::NetworkResult expected(DataType dtype, const NetworkPlanOptions& options, int images = 0) {
  const Network network = small_network_by_cpp(dtype);
  return harness::run_network(harness::value_of(network.plan(options)), {random_images()}, images);
}

OwnedPlan planned(const OwnedNetwork& network, const fc_plan_options& options = small_shape()) {
  return made<OwnedPlan>([&](fc_plan** object, fc_error* error) {
    return fc_network_plan(network.get(), &options, object, error);
  });
}

void run(const fc_plan* plan, const fc_buffers& buffers, cudaStream_t stream = nullptr) {
  fc_error error = untouched();
  EXPECT_EQ(fc_plan_run(plan, &buffers, stream, &error), FC_OK) << error.message;
}

TEST(CRun, GivesTheBitsOfTheCppApi) {
  const std::pair<fc_type, DataType> types[] = {{FC_TYPE_DEFAULT, DataType::f16},
                                                {FC_TYPE_BF16, DataType::bf16},
                                                {FC_TYPE_F32, DataType::f32}};
  for (const auto& [type, dtype] : types) {
    OwnedNetwork network = small_network(type);
    const OwnedPlan plan = planned(network);
    network.reset();  // the plan keeps the weights
    const Memory memory(plan.get(), random_images());
    run(plan.get(), memory.buffers());
    const Bytes output = memory.output();
    EXPECT_EQ(output, expected(dtype, shape_by_cpp()).outputs[0]) << to_string(dtype);
    const std::vector<float> values = harness::floats(output);
    EXPECT_TRUE(std::ranges::all_of(values, [](float v) { return std::isfinite(v) && v != 0; }));
  }
}

TEST(CRun, TakesTheOptionsOfAPlan) {
  const OwnedNetwork network = small_network(FC_TYPE_F16);
  fc_plan_options options = small_shape();
  options.cut = FC_CUT_CHAIN;
  options.instructions = FC_INSTRUCTIONS_SM80;
  options.input_layout = FC_LAYOUT_NHWC;
  options.input_type = FC_TYPE_F16;
  options.output = FC_OUTPUT_STORAGE;
  options.flags = FC_PLAN_SWAP_RED_BLUE;
  const float mean[] = {0.25f, 0.5f, -0.5f}, scale[] = {2.0f, 0.0f, 0.5f};
  std::ranges::copy(mean, options.mean);
  std::ranges::copy(scale, options.scale);
  const OwnedPlan plan = planned(network, options);

  // Halves: the lower bytes of the f32 values would be NaNs, so small ones of their own.
  Bytes pixels(std::size_t{kImages} * 3 * kHeight * kWidth * 2);
  for (std::size_t i = 0; i < pixels.size(); i += 2) {
    pixels[i] = static_cast<std::byte>(i * 7 % 251);
    pixels[i + 1] = static_cast<std::byte>(0x30 + i % 11);
  }
  const Memory memory(plan.get(), pixels);
  run(plan.get(), memory.buffers());

  NetworkPlanOptions same = shape_by_cpp();
  same.cut = BlockCut::chain;
  same.input = {.layout = PixelLayout::nhwc,
                .type = PixelType::f16,
                .mean = {0.25f, 0.5f, -0.5f},
                .scale = {2, 1, 0.5f, 1},
                .swap_red_blue = true};
  same.output = NetworkPlanOptions::Output::storage;
  const NetworkPlan by_cpp = harness::value_of(small_network_by_cpp(DataType::f16).plan(same));
  EXPECT_EQ(memory.output(), harness::run_network(by_cpp, {pixels}).outputs[0]);

  fc_port port = {};
  port.size = sizeof port;
  ASSERT_EQ(fc_plan_input(plan.get(), 0, &port, nullptr), FC_OK);
  EXPECT_EQ(port.type, FC_TYPE_F16);
  EXPECT_EQ(port.bytes, pixels.size());
  ASSERT_EQ(fc_plan_output(plan.get(), 0, &port, nullptr), FC_OK);
  EXPECT_EQ(port.type, FC_TYPE_F16);
  EXPECT_EQ(port.bytes, std::size_t{kImages} * 5 * 2);
}

TEST(CRun, TellsWhatItTakesAndGives) {
  for (const bool by_extents : {false, true}) {
    fc_plan_options options = small_shape();
    const std::int64_t values[] = {kImages, 3, kHeight, kWidth};
    const fc_extents inputs[] = {{values, 4}};
    if (by_extents) {
      options.n = options.h = options.w = 0;
      options.inputs = inputs;
      options.input_count = 1;
    }
    options.input_type = FC_TYPE_U8;
    const OwnedPlan plan = planned(small_network(FC_TYPE_BF16), options);
    EXPECT_EQ(fc_plan_images(plan.get()), kImages);
    EXPECT_EQ(fc_plan_input_count(plan.get()), 1u);
    EXPECT_EQ(fc_plan_output_count(plan.get()), 1u);
    fc_port port = {};
    port.size = sizeof port;
    ASSERT_EQ(fc_plan_input(plan.get(), 0, &port, nullptr), FC_OK);
    EXPECT_STREQ(port.name, "image");
    EXPECT_EQ(port.type, FC_TYPE_U8);
    EXPECT_EQ(port.bytes, std::size_t{kImages} * 3 * kHeight * kWidth);
    EXPECT_TRUE(std::ranges::equal(std::span(port.extents.values, port.extents.rank), values));
    ASSERT_EQ(fc_plan_output(plan.get(), 0, &port, nullptr), FC_OK);
    EXPECT_STREQ(port.name, "logits");
    EXPECT_EQ(port.type, FC_TYPE_F32);
    EXPECT_EQ(port.bytes, std::size_t{kImages} * 5 * 4);
    EXPECT_TRUE(std::ranges::equal(std::span(port.extents.values, port.extents.rank),
                                   std::vector<std::int64_t>{kImages, 5}));
  }
}

TEST(CRun, FewerImagesHaveTheSameBits) {
  const OwnedPlan plan = planned(small_network(FC_TYPE_F16));
  const Memory memory(plan.get(), random_images());
  run(plan.get(), memory.buffers(2));
  const Bytes output = memory.output(), all = expected(DataType::f16, shape_by_cpp()).outputs[0];
  const std::size_t two = output.size() / kImages * 2;
  EXPECT_TRUE(std::equal(output.begin(), output.begin() + std::ptrdiff_t(two), all.begin()));
  EXPECT_TRUE(std::all_of(output.begin() + std::ptrdiff_t(two), output.end(), [](std::byte b) {
    return b == std::byte{harness::DeviceBuffer::kPoison};
  }));
}

TEST(CRun, KeepsTensors) {
  fc_plan_options options = small_shape();
  const char* const keep[] = {"maxpool", "layer4.0"};
  options.keep = keep;
  options.keep_count = 2;
  const OwnedPlan plan = planned(small_network(FC_TYPE_F16), options);
  const Memory memory(plan.get(), random_images());
  run(plan.get(), memory.buffers());
  EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  const Bytes workspace = memory.workspace();

  NetworkPlanOptions same = shape_by_cpp();
  same.keep = {"maxpool", "layer4.0"};
  const NetworkPlan by_cpp = harness::value_of(small_network_by_cpp(DataType::f16).plan(same));
  const Bytes expected_workspace = harness::run_network(by_cpp, {random_images()}).workspace;
  for (const char* name : keep) {
    const KeptTensor kept = harness::value_of(by_cpp.tensor(name));
    fc_tensor tensor = {};
    tensor.size = sizeof tensor;
    ASSERT_EQ(fc_plan_tensor(plan.get(), name, &tensor, nullptr), FC_OK);
    EXPECT_EQ(tensor.offset, kept.offset);
    EXPECT_EQ(tensor.type, FC_TYPE_F16);
    EXPECT_TRUE(
        std::ranges::equal(std::span(tensor.extents.values, tensor.extents.rank), kept.extents));
    EXPECT_TRUE(std::ranges::equal(std::span(tensor.order, tensor.extents.rank), kept.order));
    std::size_t bytes = 2;
    for (const std::int64_t extent : kept.extents) bytes *= static_cast<std::size_t>(extent);
    ASSERT_EQ(tensor.bytes, bytes);
    ASSERT_LE(tensor.offset + tensor.bytes, workspace.size());
    const auto begin = std::ptrdiff_t(tensor.offset), end = begin + std::ptrdiff_t(tensor.bytes);
    EXPECT_TRUE(std::equal(workspace.begin() + begin, workspace.begin() + end,
                           expected_workspace.begin() + begin));
  }
  fc_tensor tensor = {};
  tensor.size = sizeof tensor;
  for (const char* name : {"conv1", "", "no such"}) {
    EXPECT_TRUE(
        fails_with([&](fc_error* e) { return fc_plan_tensor(plan.get(), name, &tensor, e); },
                   FC_INVALID_ARGUMENT, {"no tensor", name}));
  }
}

TEST(CRun, FourThreadsWithAPlanEach) {
  const Bytes wanted = expected(DataType::f16, shape_by_cpp()).outputs[0];
  const OwnedNetwork network = small_network(FC_TYPE_F16);
  std::vector<Bytes> outputs(4);
  std::vector<std::thread> threads;
  for (Bytes& output : outputs) {
    threads.emplace_back([&] {
      const OwnedPlan plan = planned(network);
      const harness::Stream stream = harness::make_stream();
      const Memory memory(plan.get(), random_images());
      for (int i = 0; i < 2; ++i) run(plan.get(), memory.buffers(), stream.get());
      EXPECT_EQ(cudaStreamSynchronize(stream.get()), cudaSuccess);
      output = memory.output();
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const Bytes& output : outputs) EXPECT_EQ(output, wanted);
}

TEST(CRun, CapturedOnesKeepWhatTheyNeed) {
  OwnedPlan plan = planned(small_network(FC_TYPE_F16));
  const Memory memory(plan.get(), random_images());
  const fc_buffers buffers = memory.buffers();
  const auto graph = made<OwnedCudaGraph>([&](fc_cuda_graph** object, fc_error* error) {
    return fc_plan_capture(plan.get(), &buffers, object, error);
  });
  plan.reset();
  const Bytes wanted = expected(DataType::f16, shape_by_cpp()).outputs[0];
  const harness::Stream stream = harness::make_stream();
  for (int i = 0; i < 2; ++i) {
    memory.poison();
    fc_error error = untouched();
    EXPECT_EQ(fc_cuda_graph_launch(graph.get(), stream.get(), &error), FC_OK) << error.message;
    EXPECT_EQ(memory.output(), wanted);
  }
}

// `explain(text, capacity, length)`
template <class Explain>
std::string explained(Explain explain) {
  std::size_t length = 0;
  EXPECT_EQ(explain(nullptr, std::size_t{0}, &length), FC_OK);
  std::string all(length + 1, '?');
  EXPECT_EQ(explain(all.data(), all.size(), static_cast<std::size_t*>(nullptr)), FC_OK);
  EXPECT_EQ(all.find('\0'), length);
  all.resize(length);

  std::size_t again = 0;
  std::string some(12, '?');
  EXPECT_EQ(explain(some.data(), std::size_t{10}, &again), FC_OK);
  EXPECT_EQ(again, length);
  EXPECT_EQ(some, all.substr(0, 9) + std::string("\0??", 3));
  return all;
}

TEST(CRun, ExplainsItself) {
  const OwnedNetwork network = small_network(FC_TYPE_F16);
  const OwnedPlan plan = planned(network);
  const Network by_cpp = small_network_by_cpp(DataType::f16);
  EXPECT_EQ(
      explained([&](auto... to) { return fc_network_explain(network.get(), to..., nullptr); }),
      by_cpp.explanation().to_string());
  EXPECT_EQ(explained([&](auto... to) { return fc_plan_explain(plan.get(), to..., nullptr); }),
            harness::value_of(by_cpp.plan(shape_by_cpp())).explanation().to_string());
}

}  // namespace
}  // namespace foldconv::c_tests
