// SPDX-License-Identifier: MIT
// What the depthwise kernel takes, when it is chosen, and how it cuts a problem.
#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "catalog/depthwise.hpp"
#include "catalog/supports.hpp"
#include "cost/depthwise_cost.hpp"
#include "host/catalog/choosing.hpp"
#include "kernels/support/catalog_kernels.hpp"

namespace foldconv {
namespace {

using test::choose;
using test::chosen;
using test::conv;
using test::grouped;
using test::has;
using test::kA100;
using test::refusal;

const char* const kName = "depthwise_f16_3x3_sm80";

ConvProblem depthwise(int n, int size, int c, int filter, DataType dtype = DataType::f16) {
  return grouped(conv(n, size, c, c, filter, dtype), c);
}

TEST(DepthwiseRules, AreAskedBeforeDirect) {
  EXPECT_EQ(chosen(depthwise(1, 14, 64, 3)), kName);
  EXPECT_EQ(chosen(depthwise(1, 14, 65, 5, DataType::bf16)), "depthwise_bf16_5x5_sm80");
  EXPECT_EQ(chosen(depthwise(1, 14, 2, 3, DataType::f32)), "depthwise_f32_3x3_sm80");
  const host::Choice choice = choose(depthwise(1, 14, 64, 3));
  EXPECT_TRUE(has(choice.reason, {"depthwise 3x3", "us by the model"}));
  EXPECT_TRUE(has(refusal(depthwise(1, 14, 64, 3), "direct_f16_sm80"),
                  {"takes the problem, but", kName, "each pixel once"}));
}

TEST(DepthwiseRules, NameValueAndNearestLegalValue) {
  EXPECT_TRUE(has(refusal(conv(1, 14, 64, 64, 3), kName), {"groups = 1", "nearest: groups = 64"}));
  EXPECT_TRUE(
      has(refusal(grouped(conv(1, 14, 64, 128, 3), 64), kName), {"c = 64, k = 128, groups = 64"}));
  EXPECT_TRUE(has(refusal(conv(1, 14, 1, 1, 3), kName), {"two or more", "c = 1"}));
  EXPECT_TRUE(has(refusal(depthwise(1, 14, 64, 5), kName), {"r x s = 5x5", "nearest: 3x3"}));
  EXPECT_EQ(chosen(depthwise(1, 14, 64, kernel_tests::unknown_depthwise_filter())),
            "direct_f16_sm80");
  ConvProblem problem = depthwise(1, 14, 64, 3);
  problem.stride = {2, 1};
  EXPECT_TRUE(has(refusal(problem, kName), {"stride = 2x1", "nearest: 2x2"}));
  problem.stride = {3, 3};
  EXPECT_TRUE(has(refusal(problem, kName), {"stride = 3x3", "nearest: 2x2"}));
  problem.stride = {2, 2};
  problem.dilation = {1, 3};
  EXPECT_TRUE(has(refusal(problem, kName), {"dilation.w = 3", "nearest: dilation.w = 1"}));
}

// Tensors of more than 2^31 elements are taken, CTAs past 2^31 are not.
TEST(DepthwiseRules, SizeOfTheGrid) {
  EXPECT_EQ(chosen(depthwise(1 << 20, 56, 64, 3)), kName);
  const DepthwiseTile tile = {3};
  const ConvProblem one = depthwise(1 << 10, 56, 1024, 3);
  const host::DepthwiseGrid grid = host::depthwise_grid(host::depthwise_cut(tile, one), one);
  const auto most = static_cast<int>((host::kIndexLimit - 1) / (grid.ctas() / grid.images));
  ConvProblem problem = one;
  problem.n = most;
  EXPECT_EQ(host::depthwise_size_rule(tile, problem), "");
  EXPECT_EQ(chosen(problem), kName);
  problem.n = most + 1;
  EXPECT_TRUE(has(host::depthwise_size_rule(tile, problem),
                  {"CTAs", "2^31 or more", "nearest: n = ", std::to_string(most).c_str()}));
  EXPECT_EQ(chosen(problem), "direct_f16_sm80");
  EXPECT_TRUE(has(choose(problem).reason, {"too large for the depthwise kernel", kName}));
}

// Whatever is cut, it fits the shared memory of every device, twice.
TEST(DepthwiseCutting, SuitsTheProblem) {
  for (const DataType dtype : {DataType::f16, DataType::f32}) {
    for (const int filter : {3, 5}) {
      for (const int stride : {1, 2}) {
        ConvProblem problem = depthwise(1, 17, 64, filter, dtype);
        problem.stride = {stride, stride};
        EXPECT_FALSE(host::depthwise_cuts({filter}, problem).empty());
        for (const DepthwiseCut& cut : host::depthwise_cuts({filter}, problem)) {
          EXPECT_LE(cut.shared_bytes({filter}, stride, static_cast<int>(size_of(dtype))),
                    56 * 1024);
          EXPECT_EQ(cut.threads() % 32, 0);
        }
      }
    }
  }
  // Few images: CTAs for all SMs. Many: large ones, with a small halo.
  const auto cut = [](int n, int size, int c) {
    return host::depthwise_cut({3}, depthwise(n, size, c, 3));
  };
  EXPECT_EQ(cut(1, 14, 384).threads(), 32);
  EXPECT_GE(cut(64, 56, 192).threads(), 128);
  EXPECT_EQ(cut(64, 7, 960).columns(), 8);
  EXPECT_EQ(cut(64, 56, 16).channels(), 16);
}

TEST(DepthwiseCost, IsThatOfTheTensors) {
  const ConvProblem problem = depthwise(32, 56, 144, 3);
  const LaunchCost cost = host::depthwise_cost({3}, problem, 2), least = least_cost(problem);
  EXPECT_FALSE(cost.tensor_cores);
  EXPECT_EQ(cost.flops, least.flops);
  EXPECT_GE(cost.executed_flops, cost.flops);
  EXPECT_LE(cost.executed_flops, 1.3 * cost.flops);
  EXPECT_GE(cost.dram_bytes, least.dram_bytes);
  EXPECT_LE(cost.dram_bytes, 1.01 * least.dram_bytes);
  EXPECT_LE(cost.l2_bytes, 1.35 * cost.dram_bytes);  // the halo
}

}  // namespace
}  // namespace foldconv
