// SPDX-License-Identifier: MIT
// Weights that were freed behind their owner, as cudaDeviceReset() does: checked runs say so, and nobody frees them again.
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "block/data.hpp"
#include "conv/conv_data.hpp"
#include "foldconv/foldconv.hpp"
#include "host/checked/checked.hpp"
#include "host/expect_error.hpp"
#include "host/small_blocks.hpp"
#include "kernels/support/test_networks.hpp"
#include "network/plan_data.hpp"

namespace foldconv {
namespace {

using host::Internals;
using test::fails_with;
using test::kInvalid;

FoldedConv doubling(DataType dtype = DataType::f32) {
  std::vector<float> weights(64 * 64, 0.0f);
  for (std::size_t i = 0; i < 64; ++i) weights[i * 64 + i] = 2;
  return *fold({.values = weights, .k = 64, .c_per_group = 64}, std::nullopt, {.dtype = dtype});
}

void* memory_of(const Conv& conv) {
  return const_cast<void*>(Internals::data(conv).memory.part(0));
}

std::uint64_t frees() {
  return cuemu_calls("cudaFree");
}

// Device 1, whose reset is nobody else's; freed addresses are given out again where `reuse` is set.
class DeviceReset : public testing::Test {
 protected:
  void SetUp() override {
    if (cuemu_present() == 0) GTEST_SKIP() << "a GPU's reset would end other tests' memory";
    if (test::devices() < 2) GTEST_SKIP() << "needs CUEMU_DEVICES=2";
    device_.emplace(1);
    checked_.emplace();
  }
  void TearDown() override {
    if (!device_) return;
    cuemu_set_switch("reuse", 0);
    EXPECT_EQ(cudaDeviceReset(), cudaSuccess);
  }
  // Afterwards the next allocation of the object's size lies where it lay.
  static void reset_and_reuse() {
    EXPECT_EQ(cudaDeviceReset(), cudaSuccess);
    cuemu_set_switch("reuse", 1);
  }

 private:
  std::optional<test::OnDevice> device_;
  std::optional<test::Checked> checked_;
};

std::uint64_t live_bytes() {
  cuemu_live live = {};
  cuemu_read_live(&live);
  return live.bytes;
}

// A convolution, a reset, and another's memory in the place of its weights.
struct Replaced {
  explicit Replaced(void (*reset)()) {
    const std::uint64_t before = live_bytes();
    conv = std::make_unique<Conv>(*Conv::create(doubling()));
    const std::uint64_t bytes = live_bytes() - before;
    place = memory_of(*conv);
    plan = std::make_unique<ConvPlan>(*conv->plan({.n = 1, .h = 1, .w = 1}));
    reset();
    others = test::on_device(bytes);
    x = test::on_device(256);
    y = test::on_device(256);
    EXPECT_EQ(cudaMemset(x.get(), 0, 256), cudaSuccess);
  }
  Status run() const { return plan->run({.x = x.get(), .y = y.get()}); }

  std::unique_ptr<Conv> conv;
  std::unique_ptr<ConvPlan> plan;
  void* place = nullptr;
  test::DeviceBlock others, x, y;
};

TEST_F(DeviceReset, WeightsThatAreGoneAreTold) {
  const Replaced after([] { EXPECT_EQ(cudaDeviceReset(), cudaSuccess); });
  ASSERT_NE(after.others.get(), after.place);
  const std::size_t before = test::launches();
  const Status status = after.run();
  EXPECT_TRUE(fails_with(status, kInvalid,
                         {"the weights, scale and bias are no longer on the device", "bytes at 0x",
                          "cudaDeviceReset()", "create the object again"}));
  EXPECT_EQ(status.message().find(" 0 bytes"), std::string::npos) << status.message();
  EXPECT_EQ(test::launches(), before);
}

// Where it does not call it unregistered; the next check of the last error does not meet it.
TEST_F(DeviceReset, WhatCudaDoesNotKnowIsGone) {
  const Replaced there([] {});
  cuemu_fail_call("cudaPointerGetAttributes", 1, cudaErrorInvalidValue);
  EXPECT_TRUE(fails_with(there.run(), kInvalid, {"no longer on the device"}));
  EXPECT_EQ(cuemu_cancel_failure(), 0);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
}

// Else the memory of all that goes as a program ends, or after another failure, would be lost.
TEST_F(DeviceReset, WhatCudaDoesNotAnswerIsThere) {
  Replaced there([] {});
  there.plan.reset();
  const std::uint64_t before = frees();
  cuemu_fail_call("cudaPointerGetAttributes", 1, cudaErrorUnknown);
  there.conv.reset();
  EXPECT_EQ(cuemu_cancel_failure(), 0);
  EXPECT_EQ(frees(), before + 1);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
}

TEST_F(DeviceReset, WeightsWhosePlaceIsAnothersAreTold) {
  const Replaced after(reset_and_reuse);
  ASSERT_EQ(after.others.get(), after.place);
  EXPECT_TRUE(fails_with(after.run(), kInvalid, {"weights", "no longer on the device"}));
}

TEST_F(DeviceReset, AnObjectThatIsCreatedAgainRuns) {
  const Replaced after(reset_and_reuse);
  const ConvPlan again = *Conv::create(doubling())->plan({.n = 1, .h = 1, .w = 1});
  const Status status = again.run({.x = after.x.get(), .y = after.y.get()});
  EXPECT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
}

// In unchecked programs, too.
TEST_F(DeviceReset, TheOwnerDoesNotFreeAnothersMemory) {
  const test::Checked unchecked(false);
  Replaced after(reset_and_reuse);
  ASSERT_EQ(after.others.get(), after.place);
  const std::uint64_t before = frees();
  after.plan.reset();
  after.conv.reset();
  EXPECT_EQ(frees(), before);
  cudaPointerAttributes attributes = {};
  ASSERT_EQ(cudaPointerGetAttributes(&attributes, after.place), cudaSuccess);
  EXPECT_EQ(attributes.type, cudaMemoryTypeDevice);
}

TEST_F(DeviceReset, TheOwnerFreesNothingThatIsGone) {
  const test::Checked unchecked(false);
  Replaced after([] { EXPECT_EQ(cudaDeviceReset(), cudaSuccess); });
  const std::uint64_t before = frees();
  after.plan.reset();
  after.conv.reset();
  EXPECT_EQ(frees(), before);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
}

std::vector<const Conv*> convs_of(const Block& block) {
  const host::BlockData& data = Internals::data(block);
  std::vector<const Conv*> convs;
  const auto add = [&](const std::optional<Conv>& conv) {
    if (conv) convs.push_back(&*conv);
  };
  for (const host::BlockStep& step : data.steps) add(step.conv);
  if (data.downsample) add(data.downsample->conv);
  add(data.joined);
  if (data.widened) {
    convs.push_back(&data.widened->conv1);
    convs.push_back(&data.widened->conv2);
  }
  return convs;
}

// Which of a block's convolutions is gone: each is looked at. Returns their number.
template <class Weights>
std::size_t each_convolution(const Weights& weights) {
  const test::DeviceBlock x = test::on_device(16 * 64 * 2), y = test::on_device(16 * 256 * 2);
  std::size_t count = 1;
  for (std::size_t gone = 0; gone < count; ++gone) {
    const Block block = *Block::create(weights);
    const std::vector<const Conv*> convs = convs_of(block);
    count = convs.size();
    const BlockPlan plan = *block.plan({.n = 1, .h = 4, .w = 4});
    const test::DeviceBlock workspace =
        test::on_device(std::max<std::size_t>(plan.workspace_bytes(), 1));
    EXPECT_EQ(cudaFree(memory_of(*convs[gone])), cudaSuccess);
    const std::size_t before = test::launches();
    EXPECT_TRUE(fails_with(plan.run({.x = x.get(),
                                     .y = y.get(),
                                     .workspace = workspace.get(),
                                     .workspace_bytes = plan.workspace_bytes()}),
                           kInvalid, {"no longer on the device"}))
        << gone;
    EXPECT_EQ(test::launches(), before) << gone;
  }
  return count;
}

TEST_F(DeviceReset, EachConvolutionOfABlock) {
  const test::SmallBlocks blocks;
  BottleneckWeights weights;
  weights.conv1 = blocks.layer(32, 64, 1);  // widened to a slice where one kernel is the block
  weights.conv2 = blocks.layer(32, 32, 3);
  weights.conv3 = blocks.layer(256, 32, 1);
  weights.downsample = blocks.layer(256, 64, 1);
  EXPECT_EQ(each_convolution(weights), 5u)
      << "conv1 and conv2, both again and wider, conv3 joined with the shortcut's";
  BasicBlockWeights basic = blocks.basic();
  basic.downsample = blocks.layer(64, 64, 1);
  EXPECT_EQ(each_convolution(basic), 3u) << "the shortcut's by itself";
}

// A convolution, a run of blocks, a BatchNorm by itself, a constant, gates; the image is a stem's.
Graph of_all_kinds() {
  kernel_tests::NetworkBuilder b;
  Graph& g = b.graph;
  Value x = b.layer(b.image(), {.k = 32, .r = 3, .stride = 2});
  x = g.pool(x, {.window = {3, 3}, .stride = {2, 2}, .pad = Padding::same(1)});
  x = b.bottleneck(x, 16, 64);
  x = b.norm(x);
  Value gate = g.global_pool(x, PoolKind::average);
  gate = g.activate(b.conv(gate, {.k = 16, .bias = true}), Activation::relu);
  gate = g.activate(b.conv(gate, {.k = 64, .bias = true}), Activation::sigmoid);
  x = b.conv(g.multiply(x, gate), {.k = 16});
  x = g.flatten(g.global_pool(x, PoolKind::average));
  const Value rows = g.constant(Constant({2, 16}, std::vector<float>(32, 2.0f)));
  g.output(g.add(x, rows), "means");
  return g;
}

struct Ran {
  Ran() {
    EXPECT_EQ(cudaMemset(image.get(), 0, kImage), cudaSuccess);
    buffers = {.inputs = {image.get()},
               .outputs = {means.get()},
               .workspace = workspace.get(),
               .workspace_bytes = plan.workspace_bytes()};
  }
  // Of what each node keeps: where it lies, and the kind.
  static std::optional<void*> first(const std::monostate&) { return std::nullopt; }
  static std::optional<void*> first(const Conv& conv) { return memory_of(conv); }
  std::optional<void*> first(const Stage&) const {
    for (const host::PlannedStep& step : Internals::data(plan).steps) {
      const auto* const blocks = std::get_if<BlockPlan>(&step.work);
      if (blocks == nullptr) continue;
      return memory_of(*Internals::data(Internals::data(*blocks).blocks[0]).steps[1].conv);
    }
    ADD_FAILURE() << "a run of blocks is no step";
    return std::nullopt;
  }
  template <class Kept>
  static std::optional<void*> first(const Kept& kept) {
    return const_cast<void*>(kept.memory.part(0));
  }

  static constexpr std::size_t kImage = 3 * 16 * 16 * sizeof(float);
  Network network = *Network::create(of_all_kinds());
  NetworkPlan plan = *network.plan({.n = 1, .h = 16, .w = 16});
  test::DeviceBlock image = test::on_device(kImage), means = test::on_device(32 * sizeof(float)),
                    workspace = test::on_device(plan.workspace_bytes());
  NetworkBuffers buffers;
};

TEST_F(DeviceReset, WhateverANetworkKeepsOnTheDevice) {
  std::vector<bool> kinds(std::variant_size_v<host::Prepared>);
  std::size_t count = 1;
  for (std::size_t node = 0; node < count; ++node) {
    const Ran ran;
    const auto& prepared = Internals::data(ran.network).prepared;
    count = prepared.size();
    const auto place =
        std::visit([&](const auto& kept) { return ran.first(kept); }, prepared[node]);
    if (!place) continue;
    kinds[prepared[node].index()] = true;
    const Status right = ran.plan.run(ran.buffers);
    ASSERT_TRUE(right.ok()) << right.message();
    ASSERT_EQ(cudaFree(*place), cudaSuccess);
    const std::size_t before = test::launches();
    const host::GraphData& graph = Internals::data(ran.network).graph;
    const bool blocks = std::holds_alternative<Stage>(prepared[node]);
    const std::string name = blocks ? "" : host::describe(graph, graph.nodes[node]) + ": ";
    EXPECT_TRUE(fails_with(ran.plan.run(ran.buffers), kInvalid, {name, "no longer on the device"}))
        << node;
    EXPECT_EQ(test::launches(), before) << node;
  }
  for (std::size_t kind = 1; kind < kinds.size(); ++kind)
    EXPECT_TRUE(kinds[kind]) << "the network keeps nothing of kind " << kind;
}

// The graph died with the weights: it is neither launched nor destroyed.
TEST_F(DeviceReset, ACapturedGraph) {
  const auto destroyed = [] { return cuemu_calls("cudaGraphExecDestroy"); };
  std::optional<Ran> ran(std::in_place);
  std::optional<CudaGraph> graph = *ran->plan.capture(ran->buffers);
  ASSERT_TRUE(graph->launch().ok());
  ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  const std::uint64_t before = destroyed();
  graph.reset();
  EXPECT_EQ(destroyed(), before + 1);

  graph = *ran->plan.capture(ran->buffers);
  cudaStream_t stream = nullptr;
  ASSERT_EQ(cudaStreamCreate(&stream), cudaSuccess);
  {
    // What the first device reaches says nothing of a launch on the second.
    const test::OnDevice first(0);
    const Status status = graph->launch(stream);
    EXPECT_TRUE(status.ok()) << status.message();
  }
  EXPECT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
  EXPECT_EQ(cudaStreamDestroy(stream), cudaSuccess);
  for (auto* const memory : {&ran->image, &ran->means, &ran->workspace}) memory->reset();
  ASSERT_EQ(cudaDeviceReset(), cudaSuccess);
  EXPECT_TRUE(fails_with(graph->launch(), kInvalid, {"no longer on the device"}));
  {
    const test::OnDevice first(0);
    EXPECT_TRUE(fails_with(graph->launch(), kInvalid, {"no longer on the device"}));
  }
  graph.reset();
  EXPECT_EQ(destroyed(), before + 1);
}

// Where the driver does not say which allocation it is, what is there is taken to be the right one.
TEST(DeviceResetDeathTest, WithoutTheDriversNumbersObjectsWorkAsEver) {
  if (cuemu_present() == 0) GTEST_SKIP() << "a GPU's calls do not fail when asked to";
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto create_and_run = [] {
    const test::Checked checked;
    cuemu_fail_call("cudaGetDriverEntryPointByVersion", 1, cudaErrorUnknown);
    const Replaced once([] {});
    const bool failed = cuemu_cancel_failure() == 0;
    const bool ran = once.run().ok() && cudaDeviceSynchronize() == cudaSuccess;
    std::_Exit(failed && ran && cudaGetLastError() == cudaSuccess ? 10 : 11);
  };
  EXPECT_EXIT(create_and_run(), testing::ExitedWithCode(10), "");
}

}  // namespace
}  // namespace foldconv
