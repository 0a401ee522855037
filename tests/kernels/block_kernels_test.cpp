// SPDX-License-Identifier: MIT
// Every kernel of blocks that is compiled, pinned by its name, gives the bits of the convolutions wired
// by hand: whatever the planner would take.
#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "catalog/registry.hpp"
#include "foldconv/block.hpp"
#include "kernels/support/catalog_kernels.hpp"
#include "kernels/support/test_blocks.hpp"

namespace foldconv::kernel_tests {
namespace {

// Kernels that were compared, of those that ran.
using Names = std::set<std::string>;

// Runs `plan`, and adds the kernels that it launched.
template <class Test>
void compare(const Test& test, const BlockPlan& plan, const std::vector<std::byte>& expected,
             const std::string& kernel, const std::string& shape, Names& compared) {
  SCOPED_TRACE(kernel + " " + shape);
  cuemu_reset_counters();
  const auto y = test.run(plan);
  const auto log = logged_launches();
  EXPECT_TRUE(std::ranges::any_of(log, [&](const auto& one) { return one.kernel == kernel; }));
  const bool same = y == expected;
  EXPECT_TRUE(same) << "other bits than the convolutions wired by hand";
  if (same) compared.insert(kernel);
}

// A refusal of a pinned kernel: the block is of another kind, or a CTA has no room.
void expect_refusal(const Status& status, const std::string& kernel) {
  EXPECT_EQ(status.code(), ErrorCode::unsupported) << kernel << ": " << status.message();
}

template <class Kernel>
void compare_blocks(std::span<const Kernel> family, std::initializer_list<BlockShape> shapes,
                    Names& compared) {
  for (const DataType dtype : {DataType::f16, DataType::bf16}) {
    for (const BlockShape& shape : shapes) {
      const TestBlocks test(shape, dtype);
      const auto expected = test.run_by_hand();
      for (const Kernel& kernel : family) {
        if (kernel.dtype != dtype) continue;
        const auto plan = test.plan({.kernel = kernel.name});
        if (plan.ok()) {
          compare(test, *plan, expected, kernel.name, shape.name, compared);
        } else {
          expect_refusal(plan.status(), kernel.name);
        }
      }
    }
  }
}

// Shared memory for the smallest block that a kernel takes: one slice of channels everywhere.
std::int64_t least_shared_bytes(const host::WholeKernel& kernel) {
  return kernel.tile->shared_bytes(kSliceWidth, kSliceWidth);
}
std::int64_t least_shared_bytes(const host::TailKernel& kernel) {
  return kernel.tile->shared_bytes(1, 9);
}
std::int64_t least_shared_bytes(const host::ConvKernel& kernel) {
  return kernel.tile->shared_bytes(0);
}

// Those with room for any block on this device; on an H100 all.
template <class Kernel>
Names names_of(std::span<const Kernel> family) {
  const host::DeviceFigures device = value_of(host::device_figures(0));
  Names names;
  for (const DataType dtype : {DataType::f16, DataType::bf16}) {
    for (const Kernel* kernel : host::kernels_for(family, dtype, device)) {
      if (std::cmp_less_equal(least_shared_bytes(*kernel), device.shared_bytes)) {
        names.insert(kernel->name);
      }
    }
  }
  if (device.capability >= 90) {
    EXPECT_EQ(names.size(), family.size());
  }
  return names;
}

class BlockKernels : public testing::Test {
 protected:
  void SetUp() override {
    if (!cuemu_present()) GTEST_SKIP() << "the log of launches needs the emulator";
  }
};

// Rows of 28 and 8 pixels and what is left of them; one slice of channels and several; a round of 128
// channels of y, less, and more.
TEST_F(BlockKernels, OfTheWholeFamilyAreComparedAll) {
  Names compared;
  compare_blocks(host::whole_kernels(),
                 {{"one_tile", 1, 28, 8, 64, 64, 64},
                  {"tails", 2, 29, 11, 192, 64, 192},
                  {"tall", 1, 57, 3, 256, 64, 256},
                  {"low", 1, 1, 17, 64, 32, 64},
                  with_downsample({"one_tile_projection", 1, 28, 8, 64, 64, 128}),
                  with_downsample({"tails_projection", 2, 29, 11, 64, 64, 256}),
                  with_downsample({"narrow_projection", 1, 9, 5, 64, 48, 136})},
                 compared);
  EXPECT_EQ(compared, names_of(host::whole_kernels()));
}

TEST_F(BlockKernels, OfTheTailFamilyAreComparedAll) {
  Names compared;
  compare_blocks(host::tail_kernels(),
                 {{"one_tile", 1, 16, 8, 64, 64, 64},
                  {"tails", 1, 13, 11, 136, 72, 136},
                  {"two_images", 2, 5, 9, 64, 128, 64},
                  {"long_rows", 1, 3, 67, 64, 72, 64},  // whose halo does not fit
                  {"middle_136", 1, 5, 9, 64, 136, 64},
                  {"middle_256", 1, 9, 15, 128, 256, 128},
                  with_downsample({"projection", 1, 9, 15, 40, 72, 104}),
                  with_downsample({"projection_v1", 2, 15, 14, 64, 64, 128}, 2, StrideAt::conv1),
                  with_downsample({"projection_v1_5", 1, 15, 14, 128, 64, 256}, 2)},
                 compared);
  EXPECT_EQ(compared, names_of(host::tail_kernels()));
}

// Over the border to the next block: as wide as its own middle tensor, narrower, and wider.
TEST_F(BlockKernels, OfTheTailFamilyReachOverABorder) {
  struct Pair {
    BlockShape first, second;
  };
  const Pair pairs[] = {
      {{"same", 1, 9, 15, 128, 64, 128}, {"", 1, 9, 15, 128, 64, 128}},
      {{"narrower", 1, 9, 15, 72, 104, 72}, {"", 1, 9, 15, 72, 64, 72}},
      {{"wider", 1, 12, 11, 64, 64, 64}, {"", 1, 12, 11, 64, 136, 64}},
      {with_downsample({"projection", 1, 9, 15, 64, 64, 128}), {"", 1, 9, 15, 128, 64, 128}},
  };
  Names compared;
  for (const DataType dtype : {DataType::f16, DataType::bf16}) {
    for (const Pair& pair : pairs) {
      const TestBlocks test({pair.first, pair.second}, dtype);
      const auto expected = test.run_by_hand();
      for (const host::TailKernel& kernel : host::tail_kernels()) {
        if (kernel.dtype != dtype) continue;
        const auto plan = test.plan({.kernel = kernel.name});
        if (plan.ok()) {
          EXPECT_EQ(plan->explanation().chosen().launches.size(), 3u) << kernel.name;
          compare(test, *plan, expected, kernel.name, pair.first.name, compared);
        } else {
          expect_refusal(plan.status(), kernel.name);
        }
      }
    }
  }
  EXPECT_EQ(compared, names_of(host::tail_kernels()));
}

TEST_F(BlockKernels, OfTheJoinedFamilyAreComparedAll) {
  Names compared;
  compare_blocks(host::joined_kernels(),
                 {with_downsample({"one_pixel", 1, 1, 1, 64, 64, 64}),
                  with_downsample({"tails", 1, 13, 11, 40, 72, 136}),
                  with_downsample({"strided", 2, 15, 14, 64, 32, 77}, 2)},
                 compared);
  EXPECT_EQ(compared, names_of(host::joined_kernels()));
}

}  // namespace
}  // namespace foldconv::kernel_tests
