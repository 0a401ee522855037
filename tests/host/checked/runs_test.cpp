// SPDX-License-Identifier: MIT
// Checked runs: each pointer of each run, before anything is launched.
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "foldconv/foldconv.hpp"
#include "host/checked/checked.hpp"
#include "host/expect_error.hpp"
#include "host/small_blocks.hpp"
#include "kernels/support/test_networks.hpp"

namespace foldconv {
namespace {

using test::fails_with;
using test::kInvalid;

struct Argument {
  std::string name;
  std::size_t bytes;
};
using Arguments = std::vector<Argument>;
using Pointers = std::vector<void*>;
using Run = std::function<Status(const Pointers&)>;

#define FOLDCONV_NEEDS_EXACT_ENDS() \
  if (cuemu_present() == 0) GTEST_SKIP() << "needs allocations that end where they end"

// One argument after the other is wrong in every way, and right in every way.
void expect_each_is_checked(const Arguments& arguments, const Run& run) {
  const test::Checked checked;
  std::vector<test::DeviceBlock> memory;
  Pointers right;
  for (const Argument& argument : arguments) {
    memory.push_back(test::on_device(argument.bytes));
    right.push_back(memory.back().get());
    EXPECT_EQ(cudaMemset(right.back(), 0, argument.bytes), cudaSuccess);
  }
  const auto run_with = [&](std::size_t index, void* pointer) {
    Pointers pointers = right;
    pointers[index] = pointer;
    return run(pointers);
  };
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const auto& [name, bytes] = arguments[i];
    const std::size_t before = test::launches();
    const auto refused = [&](void* pointer, const std::string& why) {
      return fails_with(run_with(i, pointer), kInvalid, {name + " is " + why});
    };
    EXPECT_TRUE(refused(test::on_host(bytes).get(), "memory of the host"));
    EXPECT_TRUE(refused(test::freed(bytes), "in no allocation"));
    EXPECT_TRUE(refused(test::on_device(bytes - 1).get(), "longer than its allocation"));
    if (test::devices() > 1) {
      test::DeviceBlock others;
      {
        const test::OnDevice second(1);
        others = test::on_device(bytes);
      }
      EXPECT_TRUE(refused(others.get(), "memory of device 1"));
    }
    EXPECT_EQ(test::launches(), before) << name;

    const test::PinnedBlock pinned = test::pinned(bytes);
    const test::DeviceBlock managed = test::managed(bytes);
    for (void* const pointer : {right[i], pinned.get(), managed.get()}) {
      EXPECT_EQ(cudaMemset(pointer, 0, bytes), cudaSuccess);
      const Status status = run_with(i, pointer);
      EXPECT_TRUE(status.ok()) << status.message();
      EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess) << name;
    }
    EXPECT_GT(test::launches(), before) << name;
  }
}

FoldedConv folded_64(DataType dtype = DataType::f16) {
  const std::vector<float> weights(64 * 64, 1.0f / 64);
  return *fold({.values = weights, .k = 64, .c_per_group = 64}, std::nullopt, {.dtype = dtype});
}

TEST(CheckedRuns, EachPointerOfAConvolution) {
  FOLDCONV_NEEDS_EXACT_ENDS();
  const Conv conv = *Conv::create(folded_64());
  const auto plan = conv.plan({.n = 2, .h = 3, .w = 3}, {.residual = true, .gate = true});
  ASSERT_TRUE(plan.ok()) << plan.status().message();
  constexpr std::size_t kTensor = 2 * 9 * 64 * 2;
  expect_each_is_checked(
      {{"x", kTensor}, {"residual", kTensor}, {"y", kTensor}, {"gate", 2 * 64 * 2}},
      [&](const Pointers& p) {
        return plan->run({.x = p[0], .residual = p[1], .y = p[2], .gate = p[3]});
      });
}

// Of a part of the channels, the last pixel ends behind its own channels.
TEST(CheckedRuns, APitchedTensorEndsWithItsLastChannel) {
  FOLDCONV_NEEDS_EXACT_ENDS();
  const Conv conv = *Conv::create(folded_64());
  const auto plan = conv.plan({.n = 1, .h = 2, .w = 2}, {.pitch = {96, 0, 128}});
  ASSERT_TRUE(plan.ok()) << plan.status().message();
  expect_each_is_checked({{"x", (3 * 96 + 64) * 2}, {"y", (3 * 128 + 64) * 2}},
                         [&](const Pointers& p) { return plan->run({.x = p[0], .y = p[1]}); });
}

TEST(CheckedRuns, FewerImagesNeedTheirPartOfTheMemory) {
  FOLDCONV_NEEDS_EXACT_ENDS();
  const ConvPlan plan = *Conv::create(folded_64())->plan({.n = 8, .h = 2, .w = 2});
  constexpr std::size_t kImage = 4 * 64 * 2;
  expect_each_is_checked({{"x", 3 * kImage}, {"y", 3 * kImage}}, [&](const Pointers& p) {
    return plan.run({.x = p[0], .y = p[1], .images = 3});
  });
}

TEST(CheckedRuns, EachPointerOfABlock) {
  FOLDCONV_NEEDS_EXACT_ENDS();
  const Block block = *Block::create(test::SmallBlocks().bottleneck());
  const auto plan = block.plan({.n = 1, .h = 4, .w = 4}, {.cut = BlockCut::chain});
  ASSERT_TRUE(plan.ok()) << plan.status().message();
  const std::size_t workspace = plan->workspace_bytes();
  ASSERT_GT(workspace, 0u);
  constexpr std::size_t kTensor = 16 * 64 * 2;
  expect_each_is_checked(
      {{"x", kTensor}, {"y", kTensor}, {"workspace", workspace}}, [&](const Pointers& p) {
        return plan->run({.x = p[0], .y = p[1], .workspace = p[2], .workspace_bytes = workspace});
      });
}

TEST(CheckedRuns, EachPointerOfThePointwiseCalls) {
  FOLDCONV_NEEDS_EXACT_ENDS();
  const Shape shape = {1, 2, 2, 24};
  constexpr std::size_t kTensor = 4 * 24 * 2, kArray = 24 * sizeof(float);
  expect_each_is_checked(
      {{"x", kTensor},
       {"y", kTensor},
       {"gamma", kArray},
       {"beta", kArray},
       {"mean", kArray},
       {"variance", kArray}},
      [&](const Pointers& p) {
        const auto array = [&](std::size_t i) { return static_cast<const float*>(p[i]); };
        return pointwise::batch_norm(DataType::f16, shape, p[0],
                                     {array(2), array(3), array(4), array(5), 1e-5f}, p[1]);
      });
  expect_each_is_checked({{"x", kTensor}, {"z", kTensor}, {"y", kTensor}}, [&](const Pointers& p) {
    return pointwise::add(DataType::f16, shape, p[0], p[1], p[2]);
  });
  expect_each_is_checked({{"x", kTensor}, {"y", kTensor}}, [&](const Pointers& p) {
    return pointwise::activate(DataType::f16, shape, Activation::relu, p[0], p[1]);
  });
}

// Two inputs and two outputs.
NetworkPlan small_plan(int n) {
  kernel_tests::NetworkBuilder b;
  const Value image = b.image(8), other = b.graph.input("other", {kOpen, 8, kOpen, kOpen});
  const Value sum = b.graph.add(b.layer(image, {.k = 8}), other);
  b.graph.output(sum, "sum");
  b.graph.output(b.linear(b.graph.flatten(b.graph.global_pool(sum, PoolKind::average)), 9),
                 "logits");
  const auto plan = Network::create(b.graph)->plan({.n = n, .h = 4, .w = 4});
  EXPECT_TRUE(plan.ok()) << plan.status().message();
  return *plan;
}

constexpr std::size_t kImageBytes = 8 * 16 * sizeof(float), kLogitBytes = 9 * sizeof(float);

NetworkBuffers buffers_of(const NetworkPlan& plan, const Pointers& p, int images = 0) {
  return {.inputs = {p[0], p[1]},
          .outputs = {p[2], p[3]},
          .workspace = p[4],
          .workspace_bytes = plan.workspace_bytes(),
          .images = images};
}

Arguments arguments_of(const NetworkPlan& plan, std::size_t images) {
  return {{"image", images * kImageBytes},
          {"other", images * kImageBytes},
          {"sum", images * kImageBytes},
          {"logits", images * kLogitBytes},
          {"workspace", plan.workspace_bytes()}};
}

TEST(CheckedRuns, EachPointerOfANetwork) {
  FOLDCONV_NEEDS_EXACT_ENDS();
  const NetworkPlan plan = small_plan(2);
  expect_each_is_checked(arguments_of(plan, 2),
                         [&](const Pointers& p) { return plan.run(buffers_of(plan, p)); });
}

TEST(CheckedRuns, ANetworksFewerImagesNeedTheirPartOfTheMemory) {
  FOLDCONV_NEEDS_EXACT_ENDS();
  const NetworkPlan plan = small_plan(4);
  expect_each_is_checked(arguments_of(plan, 3),
                         [&](const Pointers& p) { return plan.run(buffers_of(plan, p, 3)); });
}

TEST(CheckedRuns, EachPointerOfACapturedNetwork) {
  FOLDCONV_NEEDS_EXACT_ENDS();
  const NetworkPlan plan = small_plan(1);
  expect_each_is_checked(arguments_of(plan, 1), [&](const Pointers& p) -> Status {
    const Result<CudaGraph> graph = plan.capture(buffers_of(plan, p));
    return graph.ok() ? graph->launch() : graph.status();
  });
}

// The graph was made when its memory was there.
TEST(CheckedRuns, ACapturedGraphIsCheckedAtEachLaunch) {
  FOLDCONV_NEEDS_EXACT_ENDS();
  const test::Checked checked;
  const NetworkPlan plan = small_plan(1);
  Pointers pointers;
  std::vector<test::DeviceBlock> memory;
  for (const Argument& argument : arguments_of(plan, 1)) {
    memory.push_back(test::on_device(argument.bytes));
    pointers.push_back(memory.back().get());
    ASSERT_EQ(cudaMemset(pointers.back(), 0, argument.bytes), cudaSuccess);
  }
  const Result<CudaGraph> graph = plan.capture(buffers_of(plan, pointers));
  ASSERT_TRUE(graph.ok()) << graph.status().message();
  ASSERT_TRUE(graph->launch().ok());
  ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  memory[2].reset();
  const std::size_t before = test::launches();
  EXPECT_TRUE(fails_with(graph->launch(), kInvalid, {"sum is in no allocation"}));
  EXPECT_EQ(test::launches(), before);
}

struct OneConv {
  OneConv() {
    EXPECT_EQ(cudaMemset(x.get(), 0, kBytes), cudaSuccess);
    EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  }
  ConvBuffers buffers() const { return {.x = x.get(), .y = y.get()}; }

  static constexpr std::size_t kBytes = 64 * sizeof(float);
  ConvPlan plan = *Conv::create(folded_64(DataType::f32))->plan({.n = 1, .h = 1, .w = 1});
  test::DeviceBlock x = test::on_device(kBytes), y = test::on_device(kBytes);
};

TEST(CheckedRuns, UncheckedOnesAskNothing) {
  FOLDCONV_NEEDS_EXACT_ENDS();
  const OneConv one;
  const auto questions_of_a_run = [&] {
    const std::uint64_t before = cuemu_calls("cudaPointerGetAttributes");
    EXPECT_TRUE(one.plan.run(one.buffers()).ok());
    return cuemu_calls("cudaPointerGetAttributes") - before;
  };
  const test::Checked checked;
  EXPECT_EQ(questions_of_a_run(), 1u + 2 + 2) << "the weights, both ends of x and of y";
  const test::Checked unchecked(false);
  EXPECT_EQ(questions_of_a_run(), 0u);
}

TEST(CheckedRuns, MayBeCaptured) {
  const test::Checked checked;
  const OneConv one;
  const test::HostBlock host = test::on_host(OneConv::kBytes);
  cudaStream_t stream = nullptr;
  cudaGraph_t graph = nullptr;
  ASSERT_EQ(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), cudaSuccess);
  ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), cudaSuccess);
  if (cuemu_present() != 0) {
    EXPECT_TRUE(fails_with(one.plan.run({.x = host.get(), .y = one.y.get()}, stream), kInvalid,
                           {"x is memory of the host"}));
  }
  const Status status = one.plan.run(one.buffers(), stream);
  EXPECT_TRUE(status.ok()) << status.message();
  ASSERT_EQ(cudaStreamEndCapture(stream, &graph), cudaSuccess);
  std::size_t nodes = 0;
  EXPECT_EQ(cudaGraphGetNodes(graph, nullptr, &nodes), cudaSuccess);
  EXPECT_EQ(nodes, 1u);
  EXPECT_EQ(cudaGraphDestroy(graph), cudaSuccess);
  EXPECT_EQ(cudaStreamDestroy(stream), cudaSuccess);
}

TEST(CheckedRuns, ThreadsMayRunWhileItChanges) {
  const test::Checked checked;
  const OneConv one, two;
  std::vector<std::thread> threads;
  for (const OneConv* own : {&one, &two}) {
    threads.emplace_back([own] {
      for (int i = 0; i < 20; ++i) EXPECT_TRUE(own->plan.run(own->buffers()).ok());
    });
  }
  for (int i = 0; i < 20; ++i) check_runs(i % 2 == 0);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
}

// Of whatever else is wrong with the pointers: they are of the device that is not current.
TEST(CheckedRuns, AnotherCurrentDeviceIsToldFirst) {
  if (test::devices() < 2) GTEST_SKIP() << "one device; on the emulator: CUEMU_DEVICES=2";
  const ConvPlan conv = *Conv::create(folded_64())->plan({.n = 1, .h = 2, .w = 2});
  const BlockPlan block =
      *Block::create(test::SmallBlocks().basic())->plan({.n = 1, .h = 2, .w = 2});
  const NetworkPlan network = small_plan(1);
  const test::OnDevice second(1);
  for (const bool on : {false, true}) {
    const test::Checked checked(on);
    EXPECT_TRUE(fails_with(conv.run({}), kInvalid, {"current 1, the plan's 0"}));
    EXPECT_TRUE(fails_with(block.run({}), kInvalid, {"current 1, the plan's 0"}));
    EXPECT_TRUE(fails_with(network.run({}), kInvalid, {"current 1, the plan's 0"}));
  }
}

// In a process of its own, as the environment is read once.
[[noreturn]] void exit_with_what_runs_are() {
  std::_Exit(runs_are_checked() ? 11 : 10);
}

TEST(CheckedRunsDeathTest, OffUnlessTheEnvironmentSaysSo) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const char* const variable = "FOLDCONV_CHECK_RUNS";
  const char* const set = std::getenv(variable);
  const std::string before = set != nullptr ? set : "";
  ASSERT_EQ(unsetenv(variable), 0);
  EXPECT_EXIT(exit_with_what_runs_are(), testing::ExitedWithCode(10), "");
  for (const char* const no : {"", "0"}) {
    ASSERT_EQ(setenv(variable, no, 1), 0);
    EXPECT_EXIT(exit_with_what_runs_are(), testing::ExitedWithCode(10), "");
  }
  ASSERT_EQ(setenv(variable, "1", 1), 0);
  EXPECT_EXIT(exit_with_what_runs_are(), testing::ExitedWithCode(11), "");
  EXPECT_EXIT(
      {
        check_runs(false);
        exit_with_what_runs_are();
      },
      testing::ExitedWithCode(10), "");
  ASSERT_EQ(setenv(variable, before.c_str(), 1), 0);
}

}  // namespace
}  // namespace foldconv
