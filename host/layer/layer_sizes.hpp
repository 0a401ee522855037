// SPDX-License-Identifier: MIT
// Sizes of layers: named, for messages, and checked.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>

#include "foldconv/status.hpp"
#include "foldconv/tensor.hpp"
#include "tile/fast_division.hpp"

namespace foldconv::host {

struct NamedSize {
  std::string_view name;
  std::int64_t value;
};

// Every size must be at least 1 and the tensor of `dtype` that they make smaller than 2^63 bytes.
Status check_tensor(DataType dtype, std::initializer_list<NamedSize> sizes);

// Elements from a pixel to the next of x and y where they are parts of the channels of other tensors: a multiple of 16 bytes;
// 0: the channels, for a tensor lies dense.
struct LayerPitches {
  int x = 0, y = 0;
};
Status check_pitches(DataType dtype, const LayerPitches& pitch, int c);
inline int pitch_or(int pitch, int c) {
  return pitch != 0 ? pitch : c;
}
// Of the last size of a tensor that passes check_tensor() with it.
inline NamedSize named_pitch(std::string_view name, int pitch, int c) {
  return pitch != 0 ? NamedSize{name, pitch} : NamedSize{"c", c};
}

// Sizes that kernels divide by: each must be below 2^31.
Status check_divisors(std::initializer_list<NamedSize> sizes);

// Of a divisor that passed check_divisors().
inline FastDivision fast_division(std::int64_t divisor) {
  return FastDivision(static_cast<std::uint32_t>(divisor));
}

// Elements of `dtype` in 16 bytes.
inline int piece_width(DataType dtype) {
  return static_cast<int>(kAlignmentBytes / size_of(dtype));
}

}  // namespace foldconv::host
