// SPDX-License-Identifier: MIT
// What the kernels of narrow groups take and refuse, and that a layer's bits do not depend on its images.
#include <gtest/gtest.h>

#include <string>

#include "catalog/grouped.hpp"
#include "catalog/supports.hpp"
#include "host/catalog/choosing.hpp"
#include "host/device_figures.hpp"

namespace foldconv {
namespace {

using test::chosen;
using test::conv;
using test::grouped;
using test::has;
using test::kA100;
using test::kH100;
using test::kRtx3090;
using test::starts;

// Kernels that need not be in the catalog.
host::ConvKernel grouped_kernel(const GroupedTile& tile) {
  return {"made up", DataType::f16, {80},    nullptr, ConvLoader::load_narrow,
          nullptr,   "made up",     nullptr, &tile};
}
constexpr GroupedTile kEightsTile = {2, 1, 4, 8, 4}, kQuadsTile = {2, 1, 4, 4, 4};
const host::ConvKernel kEights = grouped_kernel(kEightsTile), kQuads = grouped_kernel(kQuadsTile);

std::string grouped_refusal(const ConvProblem& problem, const host::ConvKernel& kernel) {
  return host::refusal(kernel, problem, kA100);
}

TEST(GroupedRules, NameTheNearestLegalValue) {
  EXPECT_TRUE(has(grouped_refusal(conv(1, 14, 32, 32, 3), kEights), {"groups = 1", "groups = 2"}));
  const auto of = [](int c, int k) { return grouped(conv(1, 14, 4 * c, 4 * k, 3), 4); };
  EXPECT_TRUE(
      has(grouped_refusal(of(64, 64), kEights), {"c / groups = 64", "nearest: c / groups = 56"}));
  EXPECT_TRUE(
      has(grouped_refusal(of(12, 16), kEights), {"c / groups = 12", "above: c / groups = 16"}));
  EXPECT_TRUE(has(grouped_refusal(of(8, 8), kQuads), {"c / groups = 8", "above: c / groups = 12"}));
  EXPECT_TRUE(has(grouped_refusal(of(6, 8), kQuads), {"c / groups = 6", "above: c / groups = 12"}));
  EXPECT_TRUE(has(grouped_refusal(of(8, 6), kEights), {"k / groups = 6", "above: k / groups = 8"}));
  EXPECT_TRUE(
      has(grouped_refusal(of(58, 8), kEights), {"c / groups = 58", "nearest: c / groups = 56"}));
  EXPECT_TRUE(
      has(grouped_refusal(of(61, 8), kQuads), {"c / groups = 61", "nearest: c / groups = 60"}));
  EXPECT_TRUE(
      has(grouped_refusal(of(8, 66), kEights), {"k / groups = 66", "nearest: k / groups = 64"}));
  EXPECT_TRUE(
      has(grouped_refusal(of(8, 72), kEights), {"k / groups = 72", "nearest: k / groups = 64"}));
  EXPECT_TRUE(
      has(grouped_refusal(grouped(conv(1, 14, 12, 12, 3), 3), kQuads), {"c = 12", "groups = 4"}));
  ConvProblem strided = of(8, 8);
  strided.h = strided.w = 99;
  strided.stride = {15, 15};
  EXPECT_TRUE(has(grouped_refusal(strided, kEights), {"bytes of shared memory", "stride"}));
}

TEST(GroupedRules, RefuseSizesThatIndicesDoNotCount) {
  const auto& kernel = kEights;
  ConvProblem problem = grouped(conv(1 << 30, 8, 32, 32, 3), 4);
  EXPECT_EQ(host::size_refusal(kernel, problem, kH100), "");
  problem.n += 1;
  EXPECT_TRUE(
      has(host::size_refusal(kernel, problem, kH100), {"tiles", "nearest: n = 1073741824"}));
  problem.n = 1;
  problem.h = (1 << 29) + 1;
  EXPECT_TRUE(has(host::size_refusal(kernel, problem, kH100), {"h = 536870913", "536870912"}));
}

// Where the kernel without tensor cores was all there was, which rounds otherwise, one of these takes the layer for all images
// or for none.
TEST(GroupedRules, TakeALayerWhateverItsImagesAre) {
  for (const host::DeviceFigures& device : {kA100, kH100, kRtx3090}) {
    for (const int c : {4, 8, 12, 16, 20, 24, 28, 32, 40, 48, 56}) {
      for (const int stride : {1, 2}) {
        for (const int size : {1, 7, 14, 56, 200}) {
          for (const int n : {1, 3, 128}) {
            ConvProblem problem = grouped(conv(n, size, 8 * c, 8 * c, 3), 8);
            problem.stride = {stride, stride};
            const std::string name = chosen(problem, device);
            EXPECT_TRUE(c >= 16 ? !starts(name, "direct") : starts(name, "conv_grouped_"))
                << to_string(problem) << " " << name;
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace foldconv
