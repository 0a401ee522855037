// SPDX-License-Identifier: MIT
// Block, Stage and BlockPlan against a CUDA runtime that fails, is late, captures, or has two devices.
#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "cuemu.h"
#include "harness/device/objects.hpp"
#include "host/failing_calls.hpp"
#include "host/small_blocks.hpp"
#include "kernels/support/device_buffer.hpp"

namespace foldconv {
namespace {

using kernel_tests::DeviceBuffer;
using test::every_call_fails;
using test::expect_refused;
using test::SmallBlocks;

constexpr Images kImages = {1, 8, 8};
constexpr ScalePlacement kJoin = ScalePlacement::weights;

// Joined, with a middle tensor that the whole kernel fills up: all that a block can have.
BottleneckWeights joined_and_narrow(const SmallBlocks& blocks) {
  BottleneckWeights weights = blocks.bottleneck();
  weights.conv1 = blocks.layer(32, 64, 1);
  weights.conv2 = blocks.layer(32, 32, 3);
  weights.conv3 = blocks.layer(64, 32, 1);
  weights.downsample = blocks.layer(64, 64, 1);
  return weights;
}

// Buffers of a plan, all poison.
struct BlockTensors {
  explicit BlockTensors(const BlockPlan& plan)
      : x(bytes_of(plan.input())), y(bytes_of(plan.output())), workspace(plan.workspace_bytes()) {
    EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  }
  static std::size_t bytes_of(const Shape& shape) { return std::size_t(shape.elements()) * 2; }
  BlockBuffers buffers() const {
    return {.x = x.data(),
            .y = y.data(),
            .workspace = workspace.data(),
            .workspace_bytes = workspace.bytes()};
  }
  DeviceBuffer x, y, workspace;
};

class BlockCalls : public testing::Test {
 protected:
  void SetUp() override {
    if (!cuemu_present()) GTEST_SKIP() << "a GPU's calls do not fail when asked to";
  }
  const SmallBlocks blocks;
};

TEST_F(BlockCalls, EachFailureOfCreateIsAnErrorAndLeavesNothing) {
  const auto fails = [](const auto& weights, int convs) {
    const auto create = [&] { return Block::create(weights, {.placement = kJoin}).status(); };
    // Its device, that one's figures and clocks; and for each convolution the same, an
    // allocation, copies.
    const int calls = 8 + 13 * convs;
    EXPECT_EQ(every_call_fails(create, cudaErrorMemoryAllocation, ErrorCode::out_of_memory), calls);
    EXPECT_EQ(every_call_fails(create, cudaErrorUnknown, ErrorCode::cuda_error), calls);
  };
  fails(blocks.bottleneck(), 3);
  fails(blocks.basic(), 2);
  // conv1, conv2, conv3 with the downsample, and wider ones of the first two.
  fails(joined_and_narrow(blocks), 5);
  // The whole kernel takes no stride: nothing is made for it.
  BottleneckWeights strided = joined_and_narrow(blocks);
  strided.stride = 2;
  fails(strided, 3);
  BasicBlockWeights projection = blocks.basic();
  projection.downsample = blocks.layer(64, 64, 1);
  fails(projection, 3);
}

TEST_F(BlockCalls, EachFailureOfPlanIsAnErrorAndLeavesNothing) {
  const Block narrow = *Block::create(joined_and_narrow(blocks), {.placement = kJoin});
  const Block basic = *Block::create(blocks.basic());
  const auto stages = {std::vector<Block>{narrow}, {basic}, {basic, narrow, narrow}};
  for (const std::vector<Block>& list : stages) {
    const std::uint64_t calls = cuemu_calls(nullptr);
    const Stage stage = *Stage::create(list);
    EXPECT_EQ(cuemu_calls(nullptr), calls) << "Stage::create calls the runtime";
    for (const auto& plan :
         {std::function<Status()>([&] { return stage.plan(kImages).status(); }),
          std::function<Status()>([&] { return list.back().plan(kImages).status(); })}) {
      // The current device; for each of two convolutions or more it again, and its kernel's three.
      EXPECT_GE(every_call_fails(plan, cudaErrorUnknown, ErrorCode::cuda_error), 9);
      EXPECT_GE(every_call_fails(plan, cudaErrorMemoryAllocation, ErrorCode::out_of_memory), 9);
    }
  }
}

// Clocks are read over PCIe, and a program whose batches vary plans while it serves.
TEST_F(BlockCalls, NoPlanAsksForAnAttributeOfTheDevice) {
  const FoldedConv folded = *fold(blocks.layer(64, 64, 1).conv, std::nullopt);
  const Conv conv = *Conv::create(folded);
  const Block narrow = *Block::create(joined_and_narrow(blocks), {.placement = kJoin});
  const Block basic = *Block::create(blocks.basic());
  const Stage stage = *Stage::create({basic, narrow, narrow});
  const std::uint64_t before = cuemu_calls("cudaDeviceGetAttribute");
  EXPECT_GT(before, 0U);
  for (const Status& status : {conv.plan(kImages).status(), narrow.plan(kImages).status(),
                               basic.plan(kImages).status(), stage.plan(kImages).status()}) {
    EXPECT_TRUE(status.ok()) << status.message();
  }
  EXPECT_EQ(cuemu_calls("cudaDeviceGetAttribute"), before);
}

TEST_F(BlockCalls, EachFailureOfRunIsAnError) {
  const Block narrow = *Block::create(joined_and_narrow(blocks), {.placement = kJoin});
  const Block plain = *Block::create(blocks.bottleneck());
  const Block basic = *Block::create(blocks.basic());
  const Stage stage = *Stage::create({plain, narrow, basic});
  std::vector<BlockPlan> plans = {*basic.plan(kImages), *stage.plan(kImages)};
  for (const BlockCut cut : {BlockCut::whole, BlockCut::tails, BlockCut::chain})
    plans.push_back(*plain.plan(kImages, {.cut = cut}));
  for (const BlockPlan& plan : plans) {
    const BlockTensors tensors(plan);
    const auto run = [&] { return plan.run(tensors.buffers()); };
    const int calls = every_call_fails(run, cudaErrorUnknown, ErrorCode::cuda_error);
    // The current device and the launch itself of each; the plan's own device.
    EXPECT_GE(calls, 1 + int(plan.explanation().chosen().launches.size()));
    // Where the first call fails, nothing is launched.
    cuemu_reset_counters();
    cuemu_fail_call(nullptr, 1, cudaErrorUnknown);
    expect_refused(run(), ErrorCode::cuda_error, "Unknown");
    EXPECT_EQ(cuemu_cancel_failure(), 0);
    EXPECT_EQ(cuemu_read_launches(nullptr, 0), 0u);
  }
}

// No error of the last owner's cudaFree, and no capture that it ends: of this thread, and of another.
TEST_F(BlockCalls, TheLastOwnerMayGoDuringACapture) {
  const BlockPlan captured = *Block::create(blocks.bottleneck())->plan(kImages);
  const BlockTensors tensors(captured);
  std::optional<BlockPlan> gone = *Block::create(blocks.basic())->plan(kImages);
  const std::uint64_t before = test::live_allocations();
  const harness::Stream stream = harness::make_stream();
  ASSERT_EQ(cudaStreamBeginCapture(stream.get(), cudaStreamCaptureModeGlobal), cudaSuccess);
  EXPECT_TRUE(captured.run(tensors.buffers(), stream.get()).ok());
  gone.reset();
  cudaGraph_t graph = nullptr;
  EXPECT_EQ(cudaStreamEndCapture(stream.get(), &graph), cudaSuccess);
  const harness::CapturedGraph owner(graph);
  EXPECT_LT(test::live_allocations(), before);
  // The thread's mode is as before: an unsafe call still ends a capture.
  ASSERT_EQ(cudaStreamBeginCapture(stream.get(), cudaStreamCaptureModeGlobal), cudaSuccess);
  void* memory = nullptr;
  EXPECT_NE(cudaMalloc(&memory, 256), cudaSuccess);
  EXPECT_NE(cudaStreamEndCapture(stream.get(), &graph), cudaSuccess);
  cudaGetLastError();
}

// The copy of the weights has arrived when create() returns: a stream that waits for no other sees it.
TEST_F(BlockCalls, WeightsHaveArrived) {
  const Block block = *Block::create(joined_and_narrow(blocks), {.placement = kJoin});
  const BlockPlan plan = *block.plan(kImages);
  const BlockTensors late(plan), again(plan);
  const std::vector<std::byte> zeros(late.x.bytes());
  late.x.upload(zeros);
  again.x.upload(zeros);
  const harness::Stream stream = harness::make_stream();
  const BlockPlan fresh =
      *Block::create(joined_and_narrow(blocks), {.placement = kJoin})->plan(kImages);
  ASSERT_TRUE(fresh.run(late.buffers(), stream.get()).ok());
  ASSERT_EQ(cudaStreamSynchronize(stream.get()), cudaSuccess);
  ASSERT_TRUE(plan.run(again.buffers()).ok());
  ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  EXPECT_EQ(late.y.download(), again.y.download());
}

TEST(BlockValues, MovedFromObjectsAreWhole) {
  const SmallBlocks blocks;
  Block block = *Block::create(blocks.bottleneck());
  Block moved = std::move(block);
  EXPECT_TRUE(block.plan(kImages).ok());
  block = std::move(moved);
  EXPECT_TRUE(moved.plan(kImages).ok());
  Stage stage = *Stage::create({block, moved});
  Stage other = std::move(stage);
  EXPECT_TRUE(stage.plan(kImages).ok());
  stage = std::move(other);
  EXPECT_TRUE(other.plan(kImages).ok());
  BlockPlan plan = *stage.plan(kImages);
  BlockPlan last = std::move(plan);
  const BlockTensors tensors(plan);
  EXPECT_EQ(plan.output(), last.output());
  EXPECT_FALSE(plan.explanation().to_string().empty());
  EXPECT_TRUE(plan.run(tensors.buffers()).ok());
  plan = std::move(last);
  EXPECT_TRUE(last.run(tensors.buffers()).ok());
  EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
}

// A copy of a stage shares its blocks: no memory of its own.
static_assert(sizeof(Stage) == sizeof(Block));

class BlocksOfTwoDevices : public testing::Test {
 protected:
  void SetUp() override {
    int count = 0;
    ASSERT_EQ(cudaGetDeviceCount(&count), cudaSuccess);
    if (count < 2) GTEST_SKIP() << "one device; on the emulator: CUEMU_DEVICES=2";
  }
  void TearDown() override { EXPECT_EQ(cudaSetDevice(0), cudaSuccess); }
};

TEST_F(BlocksOfTwoDevices, APlanRunsOnItsOwn) {
  const SmallBlocks blocks;
  const Block block = *Block::create(blocks.bottleneck());
  const Stage stage = *Stage::create({block, block});
  const BlockPlan plan = *stage.plan(kImages);
  const BlockTensors tensors(plan);
  const auto untouched = tensors.y.download();
  ASSERT_EQ(cudaSetDevice(1), cudaSuccess);
  expect_refused(plan.run(tensors.buffers()), ErrorCode::invalid_argument, "cudaSetDevice(0)");
  expect_refused(block.plan(kImages).status(), ErrorCode::invalid_argument,
                 "current 1, the block's 0");
  expect_refused(stage.plan(kImages).status(), ErrorCode::invalid_argument,
                 "current 1, the block's 0");
  ASSERT_EQ(cudaSetDevice(0), cudaSuccess);
  EXPECT_EQ(tensors.y.download(), untouched);
}

TEST_F(BlocksOfTwoDevices, AreNoStage) {
  const SmallBlocks blocks;
  const Block first = *Block::create(blocks.bottleneck());
  ASSERT_EQ(cudaSetDevice(1), cudaSuccess);
  const Block second = *Block::create(blocks.basic());
  expect_refused(Stage::create({first, second}).status(), ErrorCode::invalid_argument,
                 "block 0 on device 0, block 1 on device 1");
}

}  // namespace
}  // namespace foldconv
