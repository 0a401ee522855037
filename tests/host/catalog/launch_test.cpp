// SPDX-License-Identifier: MIT
// Launch shapes and kernel parameters.
#include "catalog/launch.hpp"

#include <gtest/gtest.h>

#include <cstdint>

#include "host/catalog/choosing.hpp"

namespace foldconv {
namespace {

using test::kA100;

constexpr ConvTile kSquareTile = {64, 64, 2, 2, 4, 2}, kTallTile = {128, 64, 2, 2, 3, 3};

TEST(Launch, TensorCoreGridAndSharedMemory) {
  const ConvProblem problem = {
      .n = 3, .h = 9, .w = 7, .c = 64, .k = 130, .r = 3, .s = 3, .pad = {1, 1, 1, 1}};
  // 189 pixels are 3 tiles of 64; 130 channels 3 of 64.
  const auto shape = host::conv_launch_shape(
      test::made_up("taps", kSquareTile, ConvLoader::load_rxs), problem, kA100);
  EXPECT_EQ(shape.grid, 9u);
  EXPECT_EQ(shape.threads, 128u);
  EXPECT_EQ(shape.shared_bytes, 4u * 128 * 128 + 9 * 8);
}

TEST(Launch, GroupsDoNotShareTiles) {
  const ConvProblem problem = {.n = 1, .h = 8, .w = 8, .c = 64, .k = 160, .groups = 2};
  const ConvTile& tile = kSquareTile;
  EXPECT_EQ(host::tile_count(tile, problem), 1 * 2 * 2);
  const ConvParams params = host::conv_params(tile, problem);
  EXPECT_EQ(params.n_tiles.divisor, 4u);
  EXPECT_EQ(params.n_tiles_per_group.divisor, 2u);
  EXPECT_EQ(params.g.k_per_group, 80);
  EXPECT_EQ(params.g.c_per_group, 32);
}

TEST(Launch, ConvParams) {
  const ConvProblem problem = {.dtype = DataType::bf16,
                               .n = 2,
                               .h = 20,
                               .w = 30,
                               .c = 72,
                               .k = 24,
                               .r = 3,
                               .s = 5,
                               .stride = {2, 1},
                               .pad = {1, 0, 2, -1},
                               .dilation = {1, 3},
                               .activation = Activation::leaky_relu(0.25f)};
  const ConvTile& tile = kTallTile;
  const ConvParams params = host::conv_params(tile, problem);
  EXPECT_EQ(params.g.n, 2);
  EXPECT_EQ(params.g.h, 20);
  EXPECT_EQ(params.g.w, 30);
  EXPECT_EQ(params.g.c, 72);
  EXPECT_EQ(params.g.k, 24);
  EXPECT_EQ(params.g.p, 10);
  EXPECT_EQ(params.g.q, 19);
  EXPECT_EQ(params.g.r, 3);
  EXPECT_EQ(params.g.s, 5);
  EXPECT_EQ(params.g.stride_h, 2);
  EXPECT_EQ(params.g.stride_w, 1);
  EXPECT_EQ(params.g.pad_top, 1);
  EXPECT_EQ(params.g.pad_left, 2);
  EXPECT_EQ(params.g.dilation_h, 1);
  EXPECT_EQ(params.g.dilation_w, 3);
  EXPECT_EQ(params.g.groups, 1);
  EXPECT_EQ(params.activation.kind, static_cast<int>(Activation::Kind::leaky_relu));
  EXPECT_EQ(params.activation.alpha, 0.25f);
  EXPECT_EQ(params.m, 2 * 10 * 19);
  EXPECT_EQ(params.k_blocks, 2 * 15);
  EXPECT_EQ(params.vector_output, 1);
  EXPECT_EQ(params.per_image.divisor, 190u);
  EXPECT_EQ(params.per_row.divisor, 19u);
  EXPECT_EQ(params.n_tiles.divisor, 1u);
  EXPECT_EQ(params.taps.divisor, 15u);
  EXPECT_EQ(params.kernel_w.divisor, 5u);
  EXPECT_EQ(params.channels.divisor, 72u);
  EXPECT_EQ(params.x, nullptr);
  EXPECT_EQ(params.residual, nullptr);

  const DirectParams direct = host::direct_params(problem);
  EXPECT_EQ(direct.g.q, 19);
  EXPECT_EQ(direct.activation.alpha, 0.25f);
}

TEST(Launch, VectorOutputNeedsWholeChunksInEveryGroup) {
  const ConvTile& tile = kSquareTile;
  const auto vector_output = [&](int k, int groups) {
    return host::conv_params(tile, {.h = 4, .w = 4, .c = 40, .k = k, .groups = groups})
        .vector_output;
  };
  EXPECT_EQ(vector_output(64, 1), 1);
  EXPECT_EQ(vector_output(68, 1), 0);
  EXPECT_EQ(vector_output(48, 2), 1);
  EXPECT_EQ(vector_output(40, 2), 0);
}

TEST(Launch, DirectGridIsCapped) {
  const host::ConvKernel& direct = *host::find_conv_kernel("direct_f32_sm80");
  const auto grid = [&](int n, int k) {
    return host::conv_launch_shape(
               direct, {.dtype = DataType::f32, .n = n, .h = 1, .w = 1, .c = 1, .k = k}, kA100)
        .grid;
  };
  EXPECT_EQ(grid(1, 1), 1u);
  EXPECT_EQ(grid(1, 257), 2u);
  EXPECT_EQ(grid(1 << 30, 1 << 30), 108u * 32);
}

}  // namespace
}  // namespace foldconv
