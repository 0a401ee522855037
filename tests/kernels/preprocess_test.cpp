// SPDX-License-Identifier: MIT
// Pixels of every layout and type into every storage type.
#include "layer/preprocess.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "host/expect_error.hpp"
#include "kernels/support/test_layer.hpp"

namespace foldconv::kernel_tests {
namespace {

using host::PreprocessProblem;
using test::fails_with;
using test::kInvalid;

harness::Bytes pixel_bytes(PixelType type, const std::vector<float>& pixels) {
  if (type == PixelType::f16) return oracle::encode(DataType::f16, pixels);
  if (type == PixelType::f32) return oracle::encode(DataType::f32, pixels);
  harness::Bytes bytes;
  for (const float pixel : pixels) bytes.push_back(static_cast<std::byte>(pixel));
  return bytes;
}

std::vector<float> random_pixels(std::size_t count) {
  std::vector<float> pixels = random_values(DataType::f16, count, 9);
  for (float& pixel : pixels) pixel = std::floor((pixel + 4) * 31.875f);  // 0 to 255
  return pixels;
}

TEST(Preprocess, EveryFormatAgreesWithTheOracle) {
  for (const DataType dtype : kEveryType) {
    for (const auto layout : {PixelLayout::nchw, PixelLayout::nhwc}) {
      for (const auto type : {PixelType::u8, PixelType::f16, PixelType::f32}) {
        for (const int c : {1, 3, 4, 11}) {
          PixelFormat format{.layout = layout, .type = type};
          if (c <= 4) {
            format.mean = {127, 116.25f, 0, -3};
            format.scale = {1 / 128.0f, 0.25f, -2, 1};
            format.swap_red_blue = c >= 3 && layout == PixelLayout::nchw;
          }
          const Shape shape = {2, 5, 7, c};
          const std::vector<float> pixels =
              random_pixels(static_cast<std::size_t>(shape.elements()));
          const host::Layer layer = value_of(host::plan_preprocess(
              {.dtype = dtype, .n = 2, .h = 5, .w = 7, .c = c, .format = format}));
          expect_layer(oracle::preprocessed(dtype, shape, format, pixels), dtype,
                       run_layer(layer, {.x = pixel_bytes(type, pixels),
                                         .z = {},
                                         .y_bytes = pixels.size() * size_of(dtype),
                                         .images = 2}));
        }
      }
    }
  }
}

TEST(Preprocess, SameBitsInEveryBatch) {
  for (const auto layout : {PixelLayout::nchw, PixelLayout::nhwc}) {
    const auto plan = [&](int n) {
      return value_of(host::plan_preprocess(
          {.n = n,
           .h = 5,
           .w = 7,
           .c = 3,
           .format = {
               .layout = layout, .mean = {100, 90, 80, 0}, .scale = {0.1f, 0.2f, 0.3f, 1}}}));
    };
    const std::vector<float> pixels = random_pixels(3 * 3 * 35);
    expect_batch_invariance(
        plan, {.x = pixel_bytes(PixelType::f32, pixels), .z = {}, .y_bytes = pixels.size() * 2});
  }
}

TEST(Preprocess, RefusesWhatHasNoMeaning) {
  const PreprocessProblem good{.h = 4, .w = 4, .c = 3, .format = {.layout = PixelLayout::nchw}};
  const auto plan = [&](auto&& change) {
    PreprocessProblem problem = good;
    change(problem);
    return host::plan_preprocess(problem);
  };
  EXPECT_TRUE(plan([](auto&) {}).ok());
  EXPECT_TRUE(plan([](auto& p) { p.c = 100; }).ok());
  EXPECT_TRUE(fails_with(plan([](auto& p) { p.h = 0; }), kInvalid, {"h = 0"}));
  EXPECT_TRUE(fails_with(plan([](auto& p) { p.c = 5, p.format.mean[0] = 1; }), kInvalid,
                         {"at most 4 channels", "c = 5"}));
  EXPECT_TRUE(fails_with(plan([](auto& p) { p.c = 2, p.format.swap_red_blue = true; }), kInvalid,
                         {"red and blue", "c = 2"}));
  EXPECT_TRUE(
      fails_with(plan([](auto& p) { p.format.scale[1] = std::numeric_limits<float>::infinity(); }),
                 kInvalid, {"channel 1", "scale = inf"}));
  EXPECT_TRUE(fails_with(plan([](auto& p) { p.format.type = static_cast<PixelType>(5); }), kInvalid,
                         {"static_cast<PixelType>(5)"}));
  EXPECT_TRUE(fails_with(plan([](auto& p) { p.format.layout = static_cast<PixelLayout>(5); }),
                         kInvalid, {"static_cast<PixelLayout>(5)"}));
  EXPECT_TRUE(fails_with(plan([](auto& p) { p.format.layout = PixelLayout::model; }), kInvalid,
                         {"nchw or nhwc"}));
}

}  // namespace
}  // namespace foldconv::kernel_tests
