// SPDX-License-Identifier: MIT
// Grids, parameters and tensor maps of the sm_90 family, by hand.
#include "catalog/sm90_launch.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <deque>
#include <vector>

#include "host/device_figures.hpp"

namespace foldconv {
namespace {

using host::Sm90Variant;
using test::kH100;

// Tiles by hand.
constexpr Sm90Tile k128x256 = {128, 256, 2, Teamwork::together, 4},
                   k192x128 = {192, 128, 3, Teamwork::together, 4},
                   k256x128 = {256, 128, 2, Teamwork::together, 4},
                   k128x128 = {128, 128, 2, Teamwork::ping_pong, 5},
                   k64x64 = {64, 64, 1, Teamwork::together, 8},
                   k64x32 = {64, 32, 1, Teamwork::together, 8},
                   k64x16 = {64, 16, 1, Teamwork::together, 8},
                   k64x8 = {64, 8, 1, Teamwork::together, 8};

// A kernel that need not be in the catalog, and stays.
Sm90Variant sm90_variant(const Sm90Tile& tile, Multicast multicast = Multicast::none) {
  static std::deque<host::Sm90Kernel> kernels;
  kernels.push_back({"made up", DataType::f16, host::arch::sm90a, nullptr, &tile, "made up"});
  return {&kernels.back(), multicast};
}

template <std::size_t kSize, class Value>
std::vector<std::int64_t> first(const std::array<Value, kSize>& values, std::size_t count) {
  return {values.begin(), values.begin() + static_cast<std::ptrdiff_t>(count)};
}
using Numbers = std::vector<std::int64_t>;

// 3 images of 9x7 -> 5x7, 200 channels, 2 groups.
ConvProblem strided() {
  return {.dtype = DataType::bf16,
          .n = 3,
          .h = 9,
          .w = 7,
          .c = 256,
          .k = 200,
          .r = 3,
          .s = 5,
          .stride = {2, 1},
          .pad = {1, 0, 3, -1},
          .dilation = {1, 1},
          .groups = 2};
}

TEST(Sm90Launch, GridsAreAtMostTheSms) {
  ConvProblem problem = {.n = 1, .h = 1, .w = 1000, .c = 64, .k = 200};
  const Sm90Variant small = sm90_variant(k64x64);
  host::LaunchShape shape = host::sm90_launch_shape(small, problem, kH100);
  EXPECT_EQ(shape.grid, 16u * 4);  // 15.6 x 3.1 tiles
  EXPECT_EQ(shape.threads, 160u);
  EXPECT_EQ(shape.cluster, 1u);
  EXPECT_EQ(shape.shared_bytes, 1024u + 8 * 2 * 64 * 128 + 64 * 128 + (2 * 8 + 2) * 8);
  problem.w = 1'000'000;
  shape = host::sm90_launch_shape(small, problem, kH100);
  EXPECT_EQ(shape.grid, 132u);

  // 5 tiles of pixels are 3 units of two, with 2 columns of channels.
  problem.w = 600;
  const Sm90Variant wide = sm90_variant(k128x128, Multicast::weights);
  shape = host::sm90_launch_shape(wide, problem, kH100);
  EXPECT_EQ(shape.grid, 12u);
  EXPECT_EQ(shape.cluster, 2u);
  EXPECT_EQ(host::sm90_params(wide, problem).units, 6);
  // 2 columns are 1 unit.
  const Sm90Variant tall = sm90_variant(k128x128, Multicast::pixels);
  EXPECT_EQ(host::sm90_params(tall, problem).units, 5);
  EXPECT_EQ(host::sm90_launch_shape(tall, problem, kH100).grid, 10u);
  host::DeviceFigures odd = kH100;
  odd.multiprocessors = 7;
  EXPECT_EQ(host::sm90_launch_shape(tall, problem, odd).grid, 6u);
  odd.multiprocessors = 1;
  EXPECT_EQ(host::sm90_launch_shape(tall, problem, odd).grid, 2u);
}

TEST(Sm90Launch, EveryTileFitsIntoAnSm) {
  for (const host::Sm90Kernel& kernel : host::sm90_kernels()) {
    EXPECT_LE(static_cast<std::size_t>(kernel.tile->shared_bytes()), kH100.shared_bytes)
        << kernel.name;
    EXPECT_LE(kernel.tile->threads(), 512) << kernel.name;
  }
}

TEST(Sm90Launch, Params) {
  ConvProblem problem = strided();
  problem.residual = true;
  problem.activation = Activation::leaky_relu(0.25f);
  const ConvSm90Params p = host::sm90_params(sm90_variant(k64x32), problem);
  EXPECT_EQ(p.loader, Sm90Loader::im2col);
  EXPECT_EQ(p.m, 3 * 4 * 5);
  EXPECT_EQ(p.c_per_group, 128);
  EXPECT_EQ(p.k_per_group, 100);
  EXPECT_EQ(p.slices, 2);
  EXPECT_EQ(p.r, 3);
  EXPECT_EQ(p.s, 5);
  EXPECT_EQ(p.stride_h, 2);
  EXPECT_EQ(p.stride_w, 1);
  EXPECT_EQ(p.pad_top, 1);
  EXPECT_EQ(p.pad_left, 3);
  EXPECT_EQ(p.has_residual, 1);
  EXPECT_EQ(p.activation.alpha, 0.25f);
  EXPECT_EQ(p.per_image.divisor, 20u);
  EXPECT_EQ(p.per_row.divisor, 5u);
  EXPECT_EQ(p.unit_columns_group.divisor, 4u);  // of 100 channels
  EXPECT_EQ(p.unit_columns.divisor, 8u);
  EXPECT_EQ(p.units, 8);
}

TEST(Sm90Launch, MapOfAMatrix) {
  const ConvProblem problem = {.n = 2, .h = 5, .w = 7, .c = 72, .k = 24};
  const Sm90Variant variant = sm90_variant(k256x128, Multicast::pixels);
  EXPECT_EQ(host::sm90_params(variant, problem).loader, Sm90Loader::unit);
  const host::TensorMapSpec map = host::sm90_x_map(variant, problem);
  EXPECT_FALSE(map.im2col);
  EXPECT_EQ(map.rank, 2u);
  EXPECT_EQ(first(map.dims, 2), (Numbers{72, 70}));
  EXPECT_EQ(first(map.strides, 1), (Numbers{144}));
  EXPECT_EQ(first(map.box, 2), (Numbers{64, 128}));  // half of the pixels
  EXPECT_EQ(map.swizzle, CU_TENSOR_MAP_SWIZZLE_128B);
}

TEST(Sm90Launch, OnlyAPlain1x1IsAMatrix) {
  const ConvProblem plain = {.n = 2, .h = 5, .w = 7, .c = 64, .k = 24};
  const Sm90Variant variant = sm90_variant(k64x8);
  const auto loader = [&](ConvProblem problem) {
    return host::sm90_params(variant, problem).loader;
  };
  EXPECT_EQ(loader(plain), Sm90Loader::unit);
  ConvProblem other = plain;
  other.stride = {1, 2};
  EXPECT_EQ(loader(other), Sm90Loader::im2col);
  other = plain;
  other.pad.right = 1;
  EXPECT_EQ(loader(other), Sm90Loader::im2col);
  other = plain;
  other.s = 2;
  EXPECT_EQ(loader(other), Sm90Loader::im2col);
  other = plain;
  other.dilation = {3, 3};  // of one tap
  EXPECT_EQ(loader(other), Sm90Loader::unit);
}

TEST(Sm90Launch, MapOfImages) {
  const host::TensorMapSpec map = host::sm90_x_map(sm90_variant(k192x128), strided());
  EXPECT_TRUE(map.im2col);
  EXPECT_EQ(map.dtype, DataType::bf16);
  EXPECT_EQ(map.rank, 4u);
  EXPECT_EQ(first(map.dims, 4), (Numbers{256, 7, 9, 3}));
  EXPECT_EQ(first(map.strides, 3), (Numbers{512, 3584, 32256}));
  EXPECT_EQ(first(map.element_strides, 4), (Numbers{1, 1, 2, 1}));
  // Width first.
  EXPECT_EQ(first(map.lower, 2), (Numbers{-3, -1}));
  EXPECT_EQ(first(map.upper, 2), (Numbers{-1 - 4, 0 - 2}));
  EXPECT_EQ(map.channels, 64u);
  EXPECT_EQ(map.pixels, 192u);
}

TEST(Sm90Launch, MapsOfPitchedTensors) {
  ConvProblem problem = strided();
  problem.pitch = {.x = 320, .y = 208};
  const Sm90Variant variant = sm90_variant(k192x128);
  const host::TensorMapSpec x = host::sm90_x_map(variant, problem);
  EXPECT_EQ(first(x.dims, 4), (Numbers{256, 7, 9, 3}));
  EXPECT_EQ(first(x.strides, 3), (Numbers{640, 640 * 7, 640 * 7 * 9}));
  problem.r = problem.s = 1;
  problem.stride = {};
  problem.pad = {};
  const host::TensorMapSpec matrix = host::sm90_x_map(variant, problem);
  EXPECT_EQ(first(matrix.dims, 2), (Numbers{256, 189}));
  EXPECT_EQ(first(matrix.strides, 1), (Numbers{640}));
  const host::TensorMapSpec y = host::sm90_y_map(variant, problem, problem.pitch.y);
  EXPECT_EQ(first(y.dims, 2), (Numbers{100, 2}));
  EXPECT_EQ(first(y.strides, 2), (Numbers{200, 416}));
}

TEST(Sm90Launch, MapOfWeights) {
  const Sm90Variant halves = sm90_variant(k128x256, Multicast::weights);
  const host::TensorMapSpec map = host::sm90_w_map(halves, strided());
  EXPECT_EQ(map.rank, 2u);
  EXPECT_EQ(first(map.dims, 2), (Numbers{2 * 15 * 64, 200}));
  EXPECT_EQ(first(map.strides, 1), (Numbers{2 * 15 * 64 * 2}));
  EXPECT_EQ(first(map.box, 2), (Numbers{64, 128}));
}

TEST(Sm90Launch, MapOfY) {
  const struct {
    Sm90Tile tile;
    std::int64_t width;
    CUtensorMapSwizzle swizzle;
  } cases[] = {{k128x256, 64, CU_TENSOR_MAP_SWIZZLE_128B},
               {k64x64, 64, CU_TENSOR_MAP_SWIZZLE_128B},
               {k64x32, 32, CU_TENSOR_MAP_SWIZZLE_64B},
               {k64x16, 16, CU_TENSOR_MAP_SWIZZLE_32B},
               {k64x8, 8, CU_TENSOR_MAP_SWIZZLE_NONE}};
  for (const auto& each : cases) {
    const host::TensorMapSpec map = host::sm90_y_map(sm90_variant(each.tile), strided(), 200);
    EXPECT_EQ(map.rank, 3u);
    EXPECT_EQ(first(map.dims, 3), (Numbers{100, 2, 60}));
    EXPECT_EQ(first(map.strides, 2), (Numbers{200, 400}));
    EXPECT_EQ(first(map.box, 3), (Numbers{each.width, 1, 64})) << each.tile.block_n;
    EXPECT_EQ(map.swizzle, each.swizzle) << each.tile.block_n;
  }
}

}  // namespace
}  // namespace foldconv
