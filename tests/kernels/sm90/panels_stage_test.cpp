// SPDX-License-Identifier: MIT
// Sums set by hand -> y: each width of panels, tails in pixels and channels, groups, boxes that take turns.
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "kernels/sm90/compute_stage_kernels.hpp"
#include "kernels/sm90/hand_launch.hpp"

namespace foldconv::stage_tests {
namespace {

struct PanelsCase {
  int pixels, k_per_group, groups;
  bool residual;
};

std::vector<float> counted(int count, int modulus, int first) {
  std::vector<float> values;
  for (int i = 0; i < count; ++i) values.push_back(static_cast<float>(i % modulus + first));
  return values;
}

void expect_panels(int index, DataType dtype, const PanelsCase& c) {
  SCOPED_TRACE(testing::Message() << c.pixels << " pixels, " << c.groups << " x " << c.k_per_group
                                  << " channels" << (c.residual ? ", residual" : ""));
  constexpr int kLeast = -50, kMost = 60;
  const Sm90Tile& tile = kPanelTiles[index];
  const int k = c.k_per_group * c.groups;
  const ConvProblem problem = {
      .dtype = dtype,
      .n = 1,
      .h = 1,
      .w = c.pixels,
      .c = 64 * c.groups,
      .k = k,
      .groups = c.groups,
      .activation = Activation::clip(static_cast<float>(kLeast), static_cast<float>(kMost)),
      .residual = c.residual};
  const oracle::ConvInputs inputs = {
      std::vector<float>(static_cast<std::size_t>(c.pixels * problem.c)),
      std::vector<float>(static_cast<std::size_t>(k * 64)), counted(k, 3, -1), counted(k, 23, -11),
      c.residual ? counted(c.pixels * k, 29, -14) : std::vector<float>()};
  // Without guards the emulator faults on what lies behind the last scale; with them any device shows stray writes.
  const auto guards = c.residual ? kernel_tests::Guards::none : kernel_tests::Guards::shifted;
  const kernel_tests::Sm90Conv conv(problem, inputs, guards);
  const std::vector<float> y =
      conv.run({"panels", dtype, tile, panels_kernel(index)}, {.most_clusters = 2});
  std::size_t at = 0;
  for (int pixel = 0; pixel < c.pixels; ++pixel) {
    for (int channel = 0; channel < k; ++channel, ++at) {
      const auto of_channel = static_cast<std::size_t>(channel);
      float value = static_cast<float>(sum_by_hand(pixel, channel)) * inputs.scale[of_channel] +
                    inputs.bias[of_channel];
      if (c.residual) value += inputs.residual[at];
      ASSERT_EQ(y[at], std::clamp<float>(value, kLeast, kMost))
          << "pixel " << pixel << ", channel " << channel;
    }
  }
}

void expect_panels(int index, DataType dtype) {
  if (!kernel_tests::has_wgmma()) GTEST_SKIP() << "no device of compute capability 9.0";
  const int m = kPanelTiles[index].block_m, n = kPanelTiles[index].block_n;
  expect_panels(index, dtype, {5, 8, 1, false});
  expect_panels(index, dtype, {2 * m + 37, n + 8, 2, true});
  expect_panels(index, dtype, {3 * m - 63, n, 3, true});
  expect_panels(index, dtype, {m + 1, 2 * n, 2, false});
}

TEST(Sm90Panels, Of8Channels) {
  expect_panels(0, DataType::f16);
}
TEST(Sm90Panels, Of16Channels) {
  expect_panels(1, DataType::bf16);
}
TEST(Sm90Panels, Of32Channels) {
  expect_panels(2, DataType::f16);
}
TEST(Sm90Panels, Of64ChannelsByConsumersInTurn) {
  expect_panels(3, DataType::bf16);
}
TEST(Sm90Panels, InTwoRounds) {
  static_assert(kPanelTiles[4].boxes() == 2 * kPanelTiles[4].boxes_in_memory());
  expect_panels(4, DataType::f16);
  expect_panels(4, DataType::f16, {50, 72, 1, true});  // of each round one box in y
}

}  // namespace
}  // namespace foldconv::stage_tests
