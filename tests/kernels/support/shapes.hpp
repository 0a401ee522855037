// SPDX-License-Identifier: MIT
// Which shapes each loader is tested with: tails in M, N and K, odd images, every kind of padding.
#pragma once

#include <span>

#include "foldconv/conv.hpp"
#include "tile/conv_tile.hpp"

namespace foldconv::kernel_tests {

struct ShapeCase {
  const char* name;
  ConvProblem problem;  // dtype and activation are set by the test
};

// A loader without a specialisation does not compile.
template <ConvLoader>
struct ShapesOf;

template <>
struct ShapesOf<ConvLoader::load_1x1> {
  static constexpr ShapeCase kCases[] = {
      {"one_pixel", {.h = 1, .w = 1, .c = 8, .k = 8}},
      {"odd_k", {.h = 7, .w = 7, .c = 16, .k = 13, .residual = true}},
      {"k_over_tile_by_one", {.n = 2, .h = 9, .w = 5, .c = 24, .k = 65}},
      {"k_multiple_of_4", {.n = 3, .h = 7, .w = 7, .c = 96, .k = 100, .residual = true}},
      {"whole_tiles", {.h = 16, .w = 16, .c = 128, .k = 128, .residual = true}},
      {"odd_image", {.h = 57, .w = 43, .c = 64, .k = 64}},
      {"images_share_tiles", {.n = 5, .h = 5, .w = 5, .c = 72, .k = 136, .residual = true}},
      {"one_row", {.h = 1, .w = 37, .c = 40, .k = 200}},
      {"deep", {.n = 3, .h = 7, .w = 7, .c = 328, .k = 264, .residual = true}},
      {"stride_2", {.n = 2, .h = 15, .w = 13, .c = 200, .k = 24, .stride = {2, 2}}},
      {"stride_3_2", {.n = 2, .h = 11, .w = 10, .c = 64, .k = 72, .stride = {3, 2}}},
      {"padded", {.n = 2, .h = 5, .w = 6, .c = 48, .k = 40, .pad = {1, 2, 0, 3}}},
      {"cropped", {.n = 2, .h = 9, .w = 8, .c = 56, .k = 16, .pad = {-1, -2, -3, 0}}},
      {"padded_stride",
       {.n = 2, .h = 8, .w = 9, .c = 16, .k = 48, .stride = {2, 3}, .pad = {1, 0, -1, 2}}},
      {"groups_2", {.n = 2, .h = 6, .w = 7, .c = 48, .k = 48, .groups = 2, .residual = true}},
      {"groups_3_deep", {.n = 2, .h = 6, .w = 7, .c = 216, .k = 120, .groups = 3}},
      {"groups_wide_odd_k", {.n = 1, .h = 9, .w = 9, .c = 160, .k = 262, .groups = 2}},
  };
};

template <>
struct ShapesOf<ConvLoader::load_rxs> {
  static constexpr ShapeCase kCases[] = {
      {"one_pixel_image", {.h = 1, .w = 1, .c = 64, .k = 8, .r = 3, .s = 3, .pad = {1, 1, 1, 1}}},
      {"one_tap", {.n = 2, .h = 9, .w = 7, .c = 64, .k = 40, .residual = true}},
      {"two_taps", {.n = 1, .h = 6, .w = 7, .c = 64, .k = 16, .r = 1, .s = 2}},
      {"whole_tiles",
       {.h = 16,
        .w = 16,
        .c = 64,
        .k = 128,
        .r = 3,
        .s = 3,
        .pad = {1, 1, 1, 1},
        .residual = true}},
      {"images_share_tiles",
       {.n = 6, .h = 7, .w = 7, .c = 72, .k = 136, .r = 3, .s = 3, .pad = {1, 1, 1, 1}}},
      {"odd_image",
       {.h = 57,
        .w = 43,
        .c = 96,
        .k = 100,
        .r = 3,
        .s = 3,
        .pad = {1, 1, 1, 1},
        .residual = true}},
      {"odd_k_5x3",
       {.n = 2,
        .h = 8,
        .w = 9,
        .c = 200,
        .k = 13,
        .r = 5,
        .s = 3,
        .pad = {2, 2, 1, 1},
        .residual = true}},
      {"row_1x7",
       {.n = 2, .h = 9, .w = 11, .c = 128, .k = 72, .r = 1, .s = 7, .pad = {0, 0, 3, 3}}},
      {"column_7x1",
       {.n = 2, .h = 11, .w = 9, .c = 80, .k = 65, .r = 7, .s = 1, .pad = {3, 3, 0, 0}}},
      {"one_row_image",
       {.n = 1, .h = 1, .w = 41, .c = 64, .k = 24, .r = 3, .s = 3, .pad = {1, 1, 1, 1}}},
      {"stride_2_asymmetric",
       {.n = 2,
        .h = 14,
        .w = 15,
        .c = 64,
        .k = 264,
        .r = 3,
        .s = 3,
        .stride = {2, 2},
        .pad = {0, 1, 0, 1}}},
      {"stride_3_1_dilated",
       {.n = 2,
        .h = 17,
        .w = 12,
        .c = 104,
        .k = 48,
        .r = 3,
        .s = 2,
        .stride = {3, 1},
        .pad = {2, 3, 1, 4},
        .dilation = {2, 3},
        .residual = true}},
      {"padding_beyond_the_filter",
       {.n = 1, .h = 4, .w = 5, .c = 64, .k = 32, .r = 2, .s = 3, .pad = {3, 4, 5, 3}}},
      {"cropped",
       {.n = 2, .h = 10, .w = 9, .c = 64, .k = 56, .r = 3, .s = 3, .pad = {-1, 1, 1, -2}}},
      {"groups_2",
       {.n = 2,
        .h = 6,
        .w = 7,
        .c = 128,
        .k = 48,
        .r = 3,
        .s = 3,
        .pad = {1, 1, 1, 1},
        .groups = 2,
        .residual = true}},
      {"groups_3_tails",
       {.n = 2,
        .h = 5,
        .w = 7,
        .c = 216,
        .k = 201,
        .r = 3,
        .s = 1,
        .pad = {1, 1, 0, 0},
        .groups = 3}},
      {"largest_filter",
       {.n = 1, .h = 6, .w = 5, .c = 64, .k = 24, .r = 15, .s = 15, .pad = {7, 7, 7, 7}}},
  };
};

template <>
struct ShapesOf<ConvLoader::load_narrow> {
  static constexpr ShapeCase kCases[] = {
      {"one_pixel_image", {.h = 1, .w = 1, .c = 8, .k = 8, .r = 3, .s = 3, .pad = {1, 1, 1, 1}}},
      {"one_tap", {.n = 2, .h = 9, .w = 7, .c = 40, .k = 40, .residual = true}},
      {"stem_8_channels",
       {.n = 1,
        .h = 45,
        .w = 43,
        .c = 8,
        .k = 64,
        .r = 7,
        .s = 7,
        .stride = {2, 2},
        .pad = {3, 3, 3, 3}}},
      {"whole_tiles",
       {.h = 16, .w = 16, .c = 16, .k = 64, .r = 3, .s = 3, .pad = {1, 1, 1, 1}, .residual = true}},
      {"odd_k",
       {.n = 3,
        .h = 7,
        .w = 7,
        .c = 24,
        .k = 13,
        .r = 3,
        .s = 3,
        .pad = {1, 1, 1, 1},
        .residual = true}},
      {"odd_image",
       {.h = 57,
        .w = 43,
        .c = 56,
        .k = 100,
        .r = 3,
        .s = 3,
        .pad = {1, 1, 1, 1},
        .residual = true}},
      {"row_1x7", {.n = 2, .h = 9, .w = 11, .c = 32, .k = 72, .r = 1, .s = 7, .pad = {0, 0, 3, 3}}},
      {"column_7x1",
       {.n = 2, .h = 11, .w = 9, .c = 48, .k = 65, .r = 7, .s = 1, .pad = {3, 3, 0, 0}}},
      {"stride_2_asymmetric",
       {.n = 2,
        .h = 14,
        .w = 15,
        .c = 40,
        .k = 136,
        .r = 5,
        .s = 3,
        .stride = {2, 1},
        .pad = {0, 2, 0, 1}}},
      {"stride_3_dilated",
       {.n = 2,
        .h = 17,
        .w = 12,
        .c = 16,
        .k = 48,
        .r = 3,
        .s = 2,
        .stride = {3, 3},
        .pad = {2, 3, 1, 4},
        .dilation = {2, 3},
        .residual = true}},
      {"cropped",
       {.n = 2, .h = 10, .w = 9, .c = 24, .k = 56, .r = 3, .s = 3, .pad = {-1, 1, 1, -2}}},
      {"groups_8_by_16",
       {.n = 2,
        .h = 6,
        .w = 7,
        .c = 32,
        .k = 64,
        .r = 3,
        .s = 3,
        .pad = {1, 1, 1, 1},
        .groups = 4,
        .residual = true}},
      {"groups_tails",
       {.n = 2,
        .h = 5,
        .w = 7,
        .c = 72,
        .k = 201,
        .r = 3,
        .s = 1,
        .pad = {1, 1, 0, 0},
        .groups = 3}},
      {"largest_filter",
       {.n = 1, .h = 6, .w = 5, .c = 8, .k = 24, .r = 15, .s = 15, .pad = {7, 7, 7, 7}}},
  };
};

template <>
struct ShapesOf<ConvLoader::load_element> {
  static constexpr ShapeCase kCases[] = {
      {"one_of_everything", {.h = 1, .w = 1, .c = 1, .k = 1, .residual = true}},
      {"one_channel",
       {.n = 2, .h = 9, .w = 7, .c = 1, .k = 8, .r = 3, .s = 3, .pad = {1, 1, 1, 1}}},
      {"stem_3_channels",
       {.n = 1,
        .h = 45,
        .w = 43,
        .c = 3,
        .k = 64,
        .r = 7,
        .s = 7,
        .stride = {2, 2},
        .pad = {3, 3, 3, 3}}},
      {"one_tap_7_channels", {.n = 2, .h = 9, .w = 7, .c = 7, .k = 40, .residual = true}},
      {"c_63",
       {.n = 3,
        .h = 7,
        .w = 7,
        .c = 63,
        .k = 13,
        .r = 3,
        .s = 3,
        .pad = {1, 1, 1, 1},
        .residual = true}},
      {"c_65_odd_image",
       {.h = 17,
        .w = 23,
        .c = 65,
        .k = 100,
        .r = 3,
        .s = 3,
        .pad = {1, 1, 1, 1},
        .residual = true}},
      {"c_130_1x1", {.n = 1, .h = 11, .w = 12, .c = 130, .k = 66}},
      {"c_64", {.n = 1, .h = 16, .w = 8, .c = 64, .k = 64, .r = 3, .s = 3, .pad = {1, 1, 1, 1}}},
      {"c_16_5x3",
       {.n = 2, .h = 7, .w = 9, .c = 16, .k = 136, .r = 5, .s = 3, .pad = {2, 2, 1, 1}}},
      {"stride_3_dilated",
       {.n = 2,
        .h = 17,
        .w = 12,
        .c = 11,
        .k = 48,
        .r = 3,
        .s = 2,
        .stride = {3, 1},
        .pad = {2, 3, 1, 4},
        .dilation = {2, 3},
        .residual = true}},
      {"cropped",
       {.n = 2, .h = 10, .w = 9, .c = 5, .k = 56, .r = 3, .s = 3, .pad = {-1, 1, 1, -2}}},
      {"groups_of_9_by_17",
       {.n = 2,
        .h = 6,
        .w = 7,
        .c = 27,
        .k = 51,
        .r = 3,
        .s = 3,
        .pad = {1, 1, 1, 1},
        .groups = 3,
        .residual = true}},
      {"groups_of_67_by_80",
       {.n = 2,
        .h = 5,
        .w = 7,
        .c = 134,
        .k = 160,
        .r = 1,
        .s = 3,
        .pad = {0, 0, 1, 1},
        .groups = 2}},
      {"largest_filter",
       {.n = 1, .h = 6, .w = 5, .c = 3, .k = 24, .r = 15, .s = 15, .pad = {7, 7, 7, 7}}},
  };
};

constexpr std::span<const ShapeCase> shapes_of(ConvLoader loader) {
  switch (loader) {
    case ConvLoader::load_1x1:
      return ShapesOf<ConvLoader::load_1x1>::kCases;
    case ConvLoader::load_rxs:
      return ShapesOf<ConvLoader::load_rxs>::kCases;
    case ConvLoader::load_narrow:
      return ShapesOf<ConvLoader::load_narrow>::kCases;
    case ConvLoader::load_element:
      return ShapesOf<ConvLoader::load_element>::kCases;
    case ConvLoader::load_joined:
      break;  // no convolution of one tensor: the blocks' tests run it
  }
  return {};
}

constexpr int k_blocks(const ConvProblem& problem) {
  const WeightLayout layout{problem.c / problem.groups, problem.r * problem.s};
  return layout.row() / kSliceWidth;
}

}  // namespace foldconv::kernel_tests
