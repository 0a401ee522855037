// SPDX-License-Identifier: MIT
// What a plan says it launches against what it launches, in every cut: the emulator's log, and the
// nodes of a captured run.
#include <algorithm>
#include <cmath>

#include "foldconv/block.hpp"
#include "harness/device/objects.hpp"
#include "kernels/support/catalog_kernels.hpp"
#include "kernels/support/test_blocks.hpp"

namespace foldconv::kernel_tests {
namespace {

struct LaunchCase {
  const char* name;
  std::vector<BlockShape> blocks;
};
std::ostream& operator<<(std::ostream& out, const LaunchCase& c) {
  return out << c.name;
}

class BlockLaunches : public testing::TestWithParam<LaunchCase> {
 protected:
  void SetUp() override {
    if (!cuemu_present()) GTEST_SKIP() << "the log of launches needs the emulator";
  }
};

// Plans of every cut that takes the blocks.
std::vector<BlockPlan> all_cuts(const TestBlocks& test) {
  std::vector<BlockPlan> plans;
  for (const BlockCut cut :
       {BlockCut::automatic, BlockCut::whole, BlockCut::tails, BlockCut::chain}) {
    const auto plan = test.plan({.cut = cut});
    if (plan.ok()) {
      plans.push_back(*plan);
    } else {
      EXPECT_EQ(plan.status().code(), ErrorCode::unsupported) << plan.status().message();
    }
  }
  return plans;
}

// A tile a CTA. The whole kernel's are persistent and share its tiles evenly.
void expect_grid(const LaunchFigures& told, const cuemu_launch& launch, int multiprocessors) {
  int ctas = 0;
  check(cudaOccupancyMaxActiveBlocksPerMultiprocessor(
            &ctas, launch.function, static_cast<int>(launch.block[0]), launch.dynamic_shared_bytes),
        "occupancy");
  const double grid = launch.grid[0];
  if (told.kernel.starts_with("block_whole_")) {
    EXPECT_EQ(grid, std::ceil(told.tiles / std::ceil(told.tiles / multiprocessors)));
    EXPECT_EQ(told.resident, 1);
  } else {
    EXPECT_EQ(told.tiles, grid);
    EXPECT_EQ(told.resident, ctas);
  }
}

TEST_P(BlockLaunches, AreThoseOfTheExplanation) {
  const TestBlocks test(GetParam().blocks, DataType::f16);
  int multiprocessors = 0;
  check(cudaDeviceGetAttribute(&multiprocessors, cudaDevAttrMultiProcessorCount, 0), "attribute");
  for (const BlockPlan& plan : all_cuts(test)) {
    const CutFigures& told = plan.explanation().chosen();
    SCOPED_TRACE(plan.explanation().to_string());
    EXPECT_EQ(told.cut, plan.explanation().cut);
    EXPECT_EQ(told.workspace_bytes, plan.workspace_bytes());
    cuemu_reset_counters();
    test.run(plan);
    const auto log = logged_launches();
    ASSERT_EQ(log.size(), told.launches.size());
    for (std::size_t i = 0; i < log.size(); ++i) {
      EXPECT_EQ(log[i].kernel, told.launches[i].kernel) << i;
      expect_grid(told.launches[i], log[i].launch, multiprocessors);
    }
  }
}

// No clearing of a workspace, no copy, no second kernel.
TEST_P(BlockLaunches, AreAllThatARunDoes) {
  const TestBlocks test(GetParam().blocks, DataType::f16);
  for (const BlockPlan& plan : all_cuts(test)) {
    SCOPED_TRACE(plan.explanation().to_string());
    const std::size_t element = size_of(DataType::f16);
    const DeviceBuffer x(std::size_t(plan.input().elements()) * element),
        y(std::size_t(plan.output().elements()) * element), workspace(plan.workspace_bytes());
    const harness::Stream stream = harness::make_stream();
    const harness::CapturedGraph graph = harness::captured(stream.get(), [&](cudaStream_t on) {
      check(plan.run({.x = x.data(),
                      .y = y.data(),
                      .workspace = workspace.data(),
                      .workspace_bytes = workspace.bytes()},
                     on));
    });
    const std::vector<cudaGraphNode_t> nodes = harness::nodes_of(graph);
    EXPECT_EQ(nodes.size(), plan.explanation().chosen().launches.size());
    for (const cudaGraphNode_t node : nodes) {
      cudaGraphNodeType type = cudaGraphNodeTypeEmpty;
      check(cudaGraphNodeGetType(node, &type), "type");
      EXPECT_EQ(type, cudaGraphNodeTypeKernel);
    }
  }
}

// The sums of a cut are those of its launches.
TEST_P(BlockLaunches, AddUpToTheirCut) {
  const TestBlocks test(GetParam().blocks, DataType::f16);
  for (const BlockPlan& plan : all_cuts(test)) {
    for (const CutFigures& cut : plan.explanation().cuts) {
      double bytes = 0, flops = 0, recomputed = 0, floor = 0;
      for (const LaunchFigures& launch : cut.launches) {
        bytes += launch.dram_bytes;
        flops += launch.flops;
        recomputed += launch.recomputed;
        floor += launch.floor_us;
      }
      EXPECT_DOUBLE_EQ(cut.dram_bytes, bytes);
      EXPECT_DOUBLE_EQ(cut.flops, flops);
      EXPECT_NEAR(cut.floor_us, floor, 1e-9 * floor);
      EXPECT_NEAR(cut.recomputed * cut.flops, recomputed, 1e-9 * (1 + recomputed));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Runs, BlockLaunches,
    testing::Values(LaunchCase{"identity", {{"a", 2, 29, 11, 192, 64, 192}}},
                    LaunchCase{"narrow", {{"a", 1, 9, 11, 64, 16, 64}}},
                    LaunchCase{"large_grid", {{"a", 9, 57, 43, 64, 64, 64}}},
                    LaunchCase{"projection", {with_downsample({"a", 2, 15, 14, 64, 64, 256})}},
                    LaunchCase{"strided", {with_downsample({"a", 2, 15, 14, 128, 72, 256}, 2)}},
                    LaunchCase{"grouped",
                               {{"a", 1, 9, 9, {.c = 128, .middle = 64, .k = 128, .groups = 4}}}},
                    LaunchCase{"odd", {{"a", 1, 3, 5, 7, 5, 7}}},
                    LaunchCase{"stage",
                               {with_downsample({"a", 1, 29, 19, 64, 64, 256}),
                                {"b", 1, 29, 19, 256, 64, 256},
                                with_downsample({"c", 1, 29, 19, 256, 128, 512}, 2),
                                {"d", 1, 15, 10, 512, 128, 512}}}),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace foldconv::kernel_tests
