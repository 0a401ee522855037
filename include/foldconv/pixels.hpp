// SPDX-License-Identifier: MIT
/// @file
/// Pixels as programs have them, before a network makes its own tensor of them.
#pragma once

#include <array>
#include <cstdint>

#include "foldconv/version.hpp"

namespace foldconv {

enum class PixelLayout : std::uint8_t {
  nchw,   ///< a plane for each channel
  nhwc,   ///< the channels of a pixel are neighbours
  model,  ///< whichever of the two the network's own input is
};

enum class PixelType : std::uint8_t { u8, f16, f32 };

/// A network's channel c is (pixel - mean[c]) * scale[c], in fp32. mean and scale are in the order of the network's
/// channels, after the swap.
struct PixelFormat {
  PixelLayout layout = PixelLayout::model;
  PixelType type = PixelType::f32;
  std::array<float, 4> mean = {};
  std::array<float, 4> scale = {1, 1, 1, 1};
  bool swap_red_blue = false;  ///< the first and the third channel change places

  friend bool operator==(const PixelFormat&, const PixelFormat&) = default;
};

}  // namespace foldconv
