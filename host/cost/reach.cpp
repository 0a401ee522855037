// SPDX-License-Identifier: MIT
#include "cost/reach.hpp"

#include <algorithm>
#include <numeric>

#include "base/problem_sizes.hpp"
#include "base/sizes.hpp"

namespace foldconv::host {
namespace {

constexpr std::int64_t kCopied = 8;  // elements that one copy moves

// Outputs from `first` on, and before `last`, that a tap takes to rows inside.
struct Outputs {
  std::int64_t first, last;
  std::int64_t count() const { return std::max<std::int64_t>(last - first, 0); }
};
Outputs inside(int size, int outputs, const Window& window, int tap) {
  const std::int64_t row = std::int64_t{tap} * window.dilation - window.pad;  // of output 0
  if (row >= size) return {0, 0};
  return {row < 0 ? (window.stride - 1 - row) / window.stride : 0,
          std::min<std::int64_t>(outputs, (size - 1 - row) / window.stride + 1)};
}

Window rows(const ConvProblem& p) {
  return {p.stride.h, p.pad.top, p.r, p.dilation.h};
}
Window columns(const ConvProblem& p) {
  return {p.stride.w, p.pad.left, p.s, p.dilation.w};
}

}  // namespace

std::int64_t pixels_met(int size, int outputs, const Window& window) {
  // The last tap before this one that meets rows of the same kind is stride / gcd taps away, and meets them dilation /
  // gcd outputs later: what it met is counted already.
  const int gcd = std::gcd(window.stride, window.dilation);
  std::int64_t count = 0;
  for (int tap = 0; tap < window.taps; ++tap) {
    Outputs met = inside(size, outputs, window, tap);
    if (tap >= window.stride / gcd)
      met.first = std::max<std::int64_t>(met.first, outputs - window.dilation / gcd);
    count += met.count();
  }
  return count;
}

std::int64_t meetings(int size, int outputs, const Window& window) {
  std::int64_t count = 0;
  for (int tap = 0; tap < window.taps; ++tap) count += inside(size, outputs, window, tap).count();
  return count;
}

double elements_read(const ConvProblem& p) {
  return double(pixels_met(p.h, p.p(), rows(p))) * double(pixels_met(p.w, p.q(), columns(p))) *
         p.n * p.c;
}

double row_reads(const ConvProblem& p) {
  return double(meetings(p.h, p.p(), rows(p))) * p.n;
}

double pixel_reads(const ConvProblem& p) {
  return double(meetings(p.h, p.p(), rows(p))) * double(meetings(p.w, p.q(), columns(p))) * p.n;
}

std::int64_t planes_pixel(const ConvProblem& p) {
  return x_pitch(p) == p.c ? p.c : ceil_div(p.c, kCopied) * kCopied;
}

std::int64_t filter_row_step(const ConvProblem& p) {
  const std::int64_t row = std::int64_t{p.s} * c_per_group(p);
  const std::int64_t place = p.dilation.h % kCopied * (p.w * planes_pixel(p) % kCopied);
  return row + ((place - row) % kCopied + kCopied) % kCopied;
}

}  // namespace foldconv::host
