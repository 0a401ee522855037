// SPDX-License-Identifier: MIT
// How images come into a network.
#pragma once

#include <array>
#include <cstdint>

namespace foldconv {

// model: as the network's own input has it.
enum class PixelLayout : std::uint8_t { model, nchw, nhwc };
enum class PixelType : std::uint8_t { u8, f16, f32 };

// y = (x - mean[c]) * scale[c], in fp32, rounded once to the storage type.
struct PixelFormat {
  PixelLayout layout = PixelLayout::model;
  PixelType type = PixelType::f32;
  std::array<float, 4> mean = {}, scale = {1, 1, 1, 1};  // of the network's channels
  bool swap_red_blue = false;  // the network's channels 0 and 2 come the other way round
};

}  // namespace foldconv
