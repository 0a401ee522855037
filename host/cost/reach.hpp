// SPDX-License-Identifier: MIT
// What the taps of a convolution meet of its input.
#pragma once

#include <cstdint>

#include "foldconv/conv.hpp"

namespace foldconv::host {

// How a filter moves over one axis.
struct Window {
  int stride = 1, pad = 0, taps = 1, dilation = 1;  // pad: before the first row; negative: cropped
};
// How many of `size` rows some tap of some of the outputs meets.
std::int64_t pixels_met(int size, int outputs, const Window& window);

// Pairs of an output and a tap that meets one of `size` rows.
std::int64_t meetings(int size, int outputs, const Window& window);

// Elements of x that a convolution reads: with strides over 1, a filter may skip some.
double elements_read(const ConvProblem& problem);

// Pairs of a row of y and a filter row that lies inside the image.
double row_reads(const ConvProblem& problem);

// Pairs of an output pixel and a tap that lies inside the image: the reads of a pixel of x.
double pixel_reads(const ConvProblem& problem);

// 16-bit elements that all banks of shared memory hold side by side.
inline constexpr std::int64_t kBankElements = 64;

// The rows loader's planes: elements from a pixel of x to the next. What lies between pixels that a pitch sets apart is left
// out, but for what fills up 16 bytes.
std::int64_t planes_pixel(const ConvProblem& problem);

// The rows loader's planes (stage/sm80/x_planes.cuh): elements from a filter row's to the next one's, but for multiples
// of kBankElements. As if filter rows followed each other without gaps, moved on to where x has the same place in 16
// bytes.
std::int64_t filter_row_step(const ConvProblem& problem);

}  // namespace foldconv::host
