// SPDX-License-Identifier: MIT
// Which shapes each loader is tested with: tails in M, N and K, odd images, every kind of padding.
#pragma once

#include <map>
#include <span>

#include "foldconv/conv.hpp"
#include "tile/conv_tile.hpp"

namespace foldconv::kernel_tests {

struct ShapeCase {
  const char* name;
  ConvProblem problem;  // dtype and activation are set by the test
};

constexpr ShapeCase shape(const char* name, const Shape& x, int k, Extent filter = {},
                          const ConvOptions& o = {}) {
  return {name,
          {DataType::f16, x.n, x.h, x.w, x.c, k, filter.h, filter.w, o.stride, o.pad, o.dilation,
           o.groups, o.activation, o.residual}};
}

inline constexpr Padding kSame3 = Padding::same(1);

inline constexpr ShapeCase k1x1Shapes[] = {
    shape("one_pixel", {1, 1, 1, 8}, 8),
    shape("odd_k", {1, 7, 7, 16}, 13, {1, 1}, {.residual = true}),
    shape("k_over_tile_by_one", {2, 9, 5, 24}, 65),
    shape("k_multiple_of_4", {3, 7, 7, 96}, 100, {1, 1}, {.residual = true}),
    shape("whole_tiles", {1, 16, 16, 128}, 128, {1, 1}, {.residual = true}),
    shape("odd_image", {1, 57, 43, 64}, 64),
    shape("images_share_tiles", {5, 5, 5, 72}, 136, {1, 1}, {.residual = true}),
    shape("one_row", {1, 1, 37, 40}, 200),
    shape("deep", {3, 7, 7, 328}, 264, {1, 1}, {.residual = true}),
    shape("stride_2", {2, 15, 13, 200}, 24, {1, 1}, {.stride = {2, 2}}),
    shape("stride_3_2", {2, 11, 10, 64}, 72, {1, 1}, {.stride = {3, 2}}),
    shape("padded", {2, 5, 6, 48}, 40, {1, 1}, {.pad = {1, 2, 0, 3}}),
    shape("cropped", {2, 9, 8, 56}, 16, {1, 1}, {.pad = {-1, -2, -3, 0}}),
    shape("padded_stride", {2, 8, 9, 16}, 48, {1, 1}, {.stride = {2, 3}, .pad = {1, 0, -1, 2}}),
    shape("groups_2", {2, 6, 7, 48}, 48, {1, 1}, {.groups = 2, .residual = true}),
    shape("groups_3_deep", {2, 6, 7, 216}, 120, {1, 1}, {.groups = 3}),
    shape("groups_wide_odd_k", {1, 9, 9, 160}, 262, {1, 1}, {.groups = 2}),
};

inline constexpr ShapeCase kRxsShapes[] = {
    shape("one_pixel_image", {1, 1, 1, 64}, 8, {3, 3}, {.pad = kSame3}),
    shape("one_tap", {2, 9, 7, 64}, 40, {1, 1}, {.residual = true}),
    shape("two_taps", {1, 6, 7, 64}, 16, {1, 2}),
    shape("whole_tiles", {1, 16, 16, 64}, 128, {3, 3}, {.pad = kSame3, .residual = true}),
    shape("images_share_tiles", {6, 7, 7, 72}, 136, {3, 3}, {.pad = kSame3}),
    shape("odd_image", {1, 29, 23, 96}, 100, {3, 3}, {.pad = kSame3, .residual = true}),
    shape("odd_k_5x3", {2, 8, 9, 200}, 13, {5, 3}, {.pad = {2, 2, 1, 1}, .residual = true}),
    shape("row_1x7", {2, 9, 11, 128}, 72, {1, 7}, {.pad = {0, 0, 3, 3}}),
    shape("column_7x1", {2, 11, 9, 80}, 65, {7, 1}, {.pad = {3, 3, 0, 0}}),
    shape("one_row_image", {1, 1, 41, 64}, 24, {3, 3}, {.pad = kSame3}),
    shape("stride_2_asymmetric", {2, 14, 15, 64}, 264, {3, 3},
          {.stride = {2, 2}, .pad = {0, 1, 0, 1}}),
    shape("stride_3_1_dilated", {2, 17, 12, 104}, 48, {3, 2},
          {.stride = {3, 1}, .pad = {2, 3, 1, 4}, .dilation = {2, 3}, .residual = true}),
    shape("padding_beyond_the_filter", {1, 4, 5, 64}, 32, {2, 3}, {.pad = {3, 4, 5, 3}}),
    shape("cropped", {2, 10, 9, 64}, 56, {3, 3}, {.pad = {-1, 1, 1, -2}}),
    shape("groups_2", {2, 6, 7, 128}, 48, {3, 3}, {.pad = kSame3, .groups = 2, .residual = true}),
    shape("groups_3_tails", {2, 5, 7, 216}, 201, {3, 1}, {.pad = {1, 1, 0, 0}, .groups = 3}),
    shape("largest_filter", {1, 6, 5, 64}, 24, {15, 15}, {.pad = {7, 7, 7, 7}}),
};

// Windows are rows and columns apart in an image without margins: images narrower than the filter, as wide as a swizzle
// period and next to it, and wider than a tile; tiles that touch several images, and images larger than a tile.
inline constexpr ShapeCase kHaloShapes[] = {
    shape("one_pixel_image", {1, 1, 1, 64}, 8, {3, 3}, {.pad = kSame3}),
    shape("one_pixel_images", {300, 1, 1, 64}, 24, {3, 3}, {.pad = kSame3, .residual = true}),
    shape("one_column", {3, 70, 1, 72}, 24, {3, 3}, {.pad = kSame3}),
    shape("two_columns", {5, 21, 2, 128}, 64, {3, 3}, {.pad = kSame3}),
    shape("seven_columns", {6, 7, 7, 72}, 136, {3, 3}, {.pad = kSame3, .residual = true}),
    shape("eight_columns", {2, 9, 8, 200}, 13, {3, 3}, {.pad = kSame3, .residual = true}),
    shape("nine_columns", {3, 5, 9, 64}, 65, {3, 3}, {.pad = kSame3}),
    shape("whole_tiles", {1, 16, 16, 64}, 128, {3, 3}, {.pad = kSame3, .residual = true}),
    shape("odd_image", {1, 23, 29, 96}, 100, {3, 3}, {.pad = kSame3, .residual = true}),
    shape("row_longer_than_a_tile", {1, 3, 270, 64}, 24, {3, 3}, {.pad = kSame3}),
    shape("one_row", {2, 1, 41, 136}, 24, {3, 3}, {.pad = kSame3}),
    shape("one_row_1x7", {2, 1, 141, 64}, 72, {1, 7}, {.pad = {0, 0, 3, 3}}),
    shape("row_1x7", {2, 9, 11, 128}, 72, {1, 7}, {.pad = {0, 0, 3, 3}}),
    shape("column_7x1", {2, 11, 9, 80}, 65, {7, 1}, {.pad = {3, 3, 0, 0}}),
    shape("fewest_taps", {2, 15, 13, 264}, 40, {1, 3}, {.pad = {0, 0, 1, 1}, .residual = true}),
    shape("5x5", {2, 10, 12, 72}, 56, {5, 5}, {.pad = Padding::same(2)}),
    shape("even_filter", {2, 8, 9, 64}, 48, {2, 4}, {.pad = {1, 0, 1, 2}}),
    shape("top_left_margins", {2, 8, 9, 136}, 48, {3, 3}, {.pad = {2, 0, 2, 0}}),
    shape("bottom_right_margins", {2, 8, 9, 64}, 48, {3, 3}, {.pad = {0, 2, 0, 2}}),
    shape("cropped", {2, 10, 9, 64}, 56, {3, 3}, {.pad = {-1, 3, 4, -2}}),
    shape("far_outside", {1, 4, 5, 64}, 16, {3, 3}, {.pad = {9, -7, -8, 10}}),
    shape("dilated", {2, 13, 9, 144}, 24, {3, 3}, {.pad = Padding::same(2), .dilation = {2, 2}}),
    shape("dilated_3_1", {2, 9, 12, 64}, 48, {3, 5},
          {.pad = {3, 3, 2, 2}, .dilation = {3, 1}, .residual = true}),
    shape("groups_2", {2, 6, 7, 128}, 48, {3, 3}, {.pad = kSame3, .groups = 2, .residual = true}),
    shape("groups_3_tails", {2, 5, 7, 216}, 201, {3, 3}, {.pad = kSame3, .groups = 3}),
    shape("largest_filter", {1, 6, 5, 64}, 24, {15, 15}, {.pad = {7, 7, 7, 7}}),
};

inline constexpr ShapeCase kNarrowShapes[] = {
    shape("one_pixel_image", {1, 1, 1, 8}, 8, {3, 3}, {.pad = kSame3}),
    shape("one_tap", {2, 9, 7, 40}, 40, {1, 1}, {.residual = true}),
    shape("stem_8_channels", {1, 45, 43, 8}, 64, {7, 7}, {.stride = {2, 2}, .pad = {3, 3, 3, 3}}),
    shape("whole_tiles", {1, 16, 16, 16}, 64, {3, 3}, {.pad = kSame3, .residual = true}),
    shape("odd_k", {3, 7, 7, 24}, 13, {3, 3}, {.pad = kSame3, .residual = true}),
    shape("odd_image", {1, 57, 43, 56}, 100, {3, 3}, {.pad = kSame3, .residual = true}),
    shape("row_1x7", {2, 9, 11, 32}, 72, {1, 7}, {.pad = {0, 0, 3, 3}}),
    shape("column_7x1", {2, 11, 9, 48}, 65, {7, 1}, {.pad = {3, 3, 0, 0}}),
    shape("stride_2_asymmetric", {2, 14, 15, 40}, 136, {5, 3},
          {.stride = {2, 1}, .pad = {0, 2, 0, 1}}),
    shape("stride_3_dilated", {2, 17, 12, 16}, 48, {3, 2},
          {.stride = {3, 3}, .pad = {2, 3, 1, 4}, .dilation = {2, 3}, .residual = true}),
    shape("cropped", {2, 10, 9, 24}, 56, {3, 3}, {.pad = {-1, 1, 1, -2}}),
    shape("groups_8_by_16", {2, 6, 7, 32}, 64, {3, 3},
          {.pad = kSame3, .groups = 4, .residual = true}),
    shape("groups_tails", {2, 5, 7, 72}, 201, {3, 1}, {.pad = {1, 1, 0, 0}, .groups = 3}),
    shape("largest_filter", {1, 6, 5, 8}, 24, {15, 15}, {.pad = {7, 7, 7, 7}}),
};

inline constexpr ShapeCase kRowsShapes[] = {
    shape("one_of_everything", {1, 1, 1, 1}, 1, {1, 1}, {.residual = true}),
    shape("one_channel_one_column", {3, 9, 1, 1}, 8, {3, 3}, {.pad = kSame3}),
    shape("one_channel", {2, 19, 17, 1}, 16, {7, 7}, {.stride = {2, 2}, .pad = {3, 3, 3, 3}}),
    shape("two_channels_stride_3", {2, 16, 22, 2}, 24, {5, 5},
          {.stride = {3, 3}, .pad = {2, 1, 0, 3}, .residual = true}),
    shape("stem_3_channels", {1, 45, 43, 3}, 64, {7, 7}, {.stride = {2, 2}, .pad = {3, 3, 3, 3}}),
    shape("stem_whole_chunks", {2, 36, 40, 3}, 72, {7, 7},
          {.stride = {2, 2}, .pad = {3, 3, 3, 3}, .residual = true}),
    shape("stem_whole_slices", {1, 20, 19, 4}, 40, {4, 4}, {.stride = {4, 4}}),
    shape("stride_beyond_the_filter", {2, 21, 26, 3}, 16, {2, 1}, {.stride = {3, 5}}),
    shape("one_column_of_y", {3, 40, 11, 5}, 24, {2, 3}, {.stride = {1, 10}, .pad = kSame3}),
    shape("one_tap_7_channels", {2, 9, 7, 7}, 40, {1, 1}, {.residual = true}),
    shape("tiny_images", {19, 3, 2, 3}, 32, {3, 3}, {.pad = kSame3, .residual = true}),
    shape("images_of_a_pixel", {70, 1, 1, 12}, 24, {3, 3}, {.pad = kSame3}),
    shape("one_row_image", {1, 1, 301, 5}, 24, {3, 5}, {.pad = {1, 1, 2, 2}}),
    shape("c_12_asymmetric", {2, 14, 15, 12}, 136, {5, 3}, {.stride = {2, 1}, .pad = {0, 2, 0, 1}}),
    shape("c_16_5x3", {2, 7, 9, 16}, 136, {5, 3}, {.pad = {2, 2, 1, 1}}),
    shape("c_20", {2, 9, 8, 20}, 65, {3, 3}, {.pad = kSame3, .residual = true}),
    shape("c_33", {1, 9, 11, 33}, 72, {3, 3}, {.pad = kSame3}),
    shape("c_55", {3, 7, 7, 55}, 13, {3, 3}, {.pad = kSame3, .residual = true}),
    shape("c_63_row", {1, 3, 90, 63}, 13, {1, 3}, {.pad = {0, 0, 1, 1}}),
    shape("stride_3_dilated", {2, 17, 12, 11}, 48, {3, 2},
          {.stride = {3, 1}, .pad = {2, 3, 1, 4}, .dilation = {2, 3}, .residual = true}),
    shape("padding_beyond_the_filter", {2, 4, 5, 3}, 32, {2, 3}, {.pad = {3, 4, 5, 3}}),
    shape("cropped", {2, 10, 9, 5}, 56, {3, 3}, {.pad = {-1, 1, 1, -2}}),
    shape("cropped_left", {2, 9, 21, 3}, 24, {3, 3}, {.pad = {-2, 0, -3, 1}}),
    shape("groups_of_9_by_17", {2, 6, 7, 27}, 51, {3, 3},
          {.pad = kSame3, .groups = 3, .residual = true}),
    shape("groups_of_16_by_24", {2, 6, 7, 32}, 48, {3, 3}, {.pad = kSame3, .groups = 2}),
    shape("largest_filter", {1, 6, 5, 3}, 24, {15, 15}, {.pad = {7, 7, 7, 7}}),
};

inline constexpr ShapeCase kElementShapes[] = {
    shape("one_of_everything", {1, 1, 1, 1}, 1, {1, 1}, {.residual = true}),
    shape("one_channel", {2, 9, 7, 1}, 8, {3, 3}, {.pad = kSame3}),
    shape("stem_3_channels", {1, 45, 43, 3}, 64, {7, 7}, {.stride = {2, 2}, .pad = {3, 3, 3, 3}}),
    shape("one_tap_7_channels", {2, 9, 7, 7}, 40, {1, 1}, {.residual = true}),
    shape("c_63", {3, 7, 7, 63}, 13, {3, 3}, {.pad = kSame3, .residual = true}),
    shape("c_65_odd_image", {1, 17, 23, 65}, 100, {3, 3}, {.pad = kSame3, .residual = true}),
    shape("c_130_1x1", {1, 11, 12, 130}, 66),
    shape("c_64", {1, 16, 8, 64}, 64, {3, 3}, {.pad = kSame3}),
    shape("c_16_5x3", {2, 7, 9, 16}, 136, {5, 3}, {.pad = {2, 2, 1, 1}}),
    shape("stride_3_dilated", {2, 17, 12, 11}, 48, {3, 2},
          {.stride = {3, 1}, .pad = {2, 3, 1, 4}, .dilation = {2, 3}, .residual = true}),
    shape("cropped", {2, 10, 9, 5}, 56, {3, 3}, {.pad = {-1, 1, 1, -2}}),
    shape("groups_of_9_by_17", {2, 6, 7, 27}, 51, {3, 3},
          {.pad = kSame3, .groups = 3, .residual = true}),
    shape("groups_of_67_by_80", {2, 5, 7, 134}, 160, {1, 3}, {.pad = {0, 0, 1, 1}, .groups = 2}),
    shape("largest_filter", {1, 6, 5, 3}, 24, {15, 15}, {.pad = {7, 7, 7, 7}}),
};

// Not of load_joined, which takes no convolution of one tensor: the blocks' tests run it.
inline const std::map<ConvLoader, std::span<const ShapeCase>> kShapesOf = {
    {ConvLoader::load_1x1, k1x1Shapes},   {ConvLoader::load_rxs, kRxsShapes},
    {ConvLoader::load_halo, kHaloShapes}, {ConvLoader::load_narrow, kNarrowShapes},
    {ConvLoader::load_rows, kRowsShapes}, {ConvLoader::load_element, kElementShapes},
};

}  // namespace foldconv::kernel_tests
