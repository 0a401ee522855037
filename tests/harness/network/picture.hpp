// SPDX-License-Identifier: MIT
// A picture as the input of a network: in integers, so that every program gets the same bytes
// (tests/golden/networks/README.md).
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "foldconv/conv.hpp"
#include "harness/error.hpp"

namespace foldconv::harness {

// Rows of pixels of R, G, B.
struct Picture {
  Extent size = {};
  std::vector<std::uint8_t> pixels = {};  // h * w * 3
};

// JPEG, PNG or BMP, by stb_image. Throws Error (invalid_argument), naming the file and what is wrong with it.
Picture read_picture(const std::filesystem::path& file);

// Turned clockwise by a multiple of 90 degrees.
Picture turned(const Picture& picture, int degrees);

// Squashed to a size: bilinear between four pixels, however much smaller; halves are rounded up.
Picture resized(const Picture& picture, Extent size);

}  // namespace foldconv::harness
