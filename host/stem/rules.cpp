// SPDX-License-Identifier: MIT
// Which stems the kernels take.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/problem_sizes.hpp"
#include "base/sizes.hpp"
#include "base/text.hpp"
#include "catalog/registry.hpp"
#include "catalog/supports.hpp"
#include "layer/layer_sizes.hpp"
#include "stem/stem.hpp"
#include "stem/tiles.hpp"

namespace foldconv::host {
namespace {

std::string stem_pooling_rule(const StemProblem& problem) {
  if (!problem.pool) return {};
  const Padding& pad = *problem.pool;
  const auto [least, most] = std::minmax({pad.top, pad.bottom, pad.left, pad.right});
  if (least < 0 || most >= StemTile::kWindow)
    return text("the pooling is padded by 0 to ", StemTile::kWindow - 1,
                ": pad = ", least < 0 ? least : most,
                "; nearest: ", least < 0 ? 0 : StemTile::kWindow - 1);
  const int p = problem.conv.p(), q = problem.conv.q();
  if (p + pad.top + pad.bottom < StemTile::kWindow || q + pad.left + pad.right < StemTile::kWindow)
    return text("the pooling's window is larger than its padded map: ", p, "x", q);
  return {};
}

std::string stem_pixels_rule(const StemProblem& problem) {
  if (!problem.pixels) return {};
  const PixelFormat& format = *problem.pixels;
  if (format.layout != PixelLayout::nchw && format.layout != PixelLayout::nhwc)
    return "the pixels' layout is neither nchw nor nhwc";
  if (format.type > PixelType::f32) return "the pixels' type is neither u8, f16 nor f32";
  const auto finite = [](float value) { return std::isfinite(value); };
  if (!std::ranges::all_of(format.mean, finite) || !std::ranges::all_of(format.scale, finite))
    return "mean and scale must be finite";
  if (problem.conv.pitch.x != 0 && problem.conv.pitch.x != problem.conv.c)
    return text("pixels are dense: pitch.x = ", problem.conv.pitch.x, "; nearest: 0");
  return {};
}

std::string stem_size_rule(const StemProblem& problem) {
  const ConvProblem& conv = problem.conv;
  const auto below = [](const char* what, std::int64_t value, std::int64_t limit) {
    return value < limit ? std::string()
                         : text("indexes an image with 32 bits: ", what, " = ", value,
                                "; nearest: ", limit - 1);
  };
  // With a tile's margin, whose windows are computed before they are found outside.
  constexpr std::int64_t kMostExtent = std::int64_t{1} << 29;
  const auto reach = [](int size, int before, int after) {
    return std::int64_t{size} + std::abs(std::int64_t{before}) + std::abs(std::int64_t{after});
  };
  if (auto rule =
          below("h and its padding", reach(conv.h, conv.pad.top, conv.pad.bottom), kMostExtent);
      !rule.empty())
    return rule;
  if (auto rule =
          below("w and its padding", reach(conv.w, conv.pad.left, conv.pad.right), kMostExtent);
      !rule.empty())
    return rule;
  const std::int64_t x = std::int64_t{conv.h} * conv.w;
  if (auto rule = below("h * w * pitch of x", x > kIndexLimit ? x : x * x_pitch(conv), kIndexLimit);
      !rule.empty())
    return rule;
  constexpr std::int64_t kMostRow = kIndexLimit / StemTile::sizes(false).y_rows;
  const std::int64_t row = std::int64_t{problem.output().w} * y_pitch(conv);
  if (auto rule = below("q * pitch of y", row, kMostRow); !rule.empty()) return rule;
  const StemTile& tile = *stem_kernel(conv)->tile;
  const StemTiles tiles(tile, problem);
  if (tiles.in_image() * tiles.n_blocks >= kIndexLimit / conv.n)
    return text("counts tiles with 32 bits: n = ", conv.n,
                "; nearest: n = ", (kIndexLimit - 1) / (tiles.in_image() * tiles.n_blocks));
  return {};
}

std::string stem_filter_rule(const ConvProblem& conv) {
  std::vector<int> filters;
  for (const StemKernel& kernel : stem_kernels()) {
    if (kernel.dtype == conv.dtype) filters.push_back(kernel.tile->filter);
  }
  if (filters.empty()) return "is not compiled: give the convolution and the pool by themselves";
  std::ranges::sort(filters);
  std::string names;
  int nearest = filters.front();
  for (const int filter : filters) {
    const bool first = filter == filters.front(), last = filter == filters.back();
    names += text(first ? "" : last ? " and " : ", ", filter, "x", filter);
    const auto distance = [&](int other) { return std::abs(other - std::max(conv.r, conv.s)); };
    if (distance(filter) <= distance(nearest)) nearest = filter;
  }
  return text("takes filters of ", names, ": r x s = ", conv.r, "x", conv.s, "; nearest: ", nearest,
              "x", nearest);
}

}  // namespace

const StemKernel* stem_kernel(const ConvProblem& conv) {
  const auto found = std::ranges::find_if(stem_kernels(), [&](const StemKernel& kernel) {
    return kernel.dtype == conv.dtype && kernel.tile->filter == conv.r;
  });
  return found == stem_kernels().end() ? nullptr : &*found;
}

std::string stem_form_rule(const ConvProblem& conv) {
  const auto other = [](const char* name, int value, int nearest) {
    return text("takes ", name, " = ", nearest, " only: ", name, " = ", value,
                "; nearest: ", nearest);
  };
  if (conv.dtype != DataType::f16 && conv.dtype != DataType::bf16)
    return text("computes in f16 and bf16: the problem is ", to_string(conv.dtype));
  if (conv.c != StemTile::kChannels) return other("c", conv.c, StemTile::kChannels);
  if (conv.groups != 1) return other("groups", conv.groups, 1);
  if (conv.r != conv.s || stem_kernel(conv) == nullptr) return stem_filter_rule(conv);
  for (const int stride : {conv.stride.h, conv.stride.w}) {
    if (stride != StemTile::kStride) return other("stride", stride, StemTile::kStride);
  }
  for (const int dilation : {conv.dilation.h, conv.dilation.w}) {
    if (dilation != 1) return other("dilation", dilation, 1);
  }
  if (conv.residual) return "takes no residual";
  if (conv.k % 8 != 0)
    return text("stores 16 bytes at a time: k = ", conv.k,
                " is no multiple of 8; nearest above: k = ", ceil_div(conv.k, 8) * 8);
  return {};
}

std::string stem_rule(const StemProblem& problem, const DeviceFigures& device) {
  if (auto rule = stem_form_rule(problem.conv); !rule.empty()) return rule;
  const StemKernel& kernel = *stem_kernel(problem.conv);
  if (!kernel.arch.runs_on(device.capability))
    return text("is compiled for compute capability ", kernel.arch.capability);
  if (const auto needed = static_cast<std::size_t>(kernel.tile->shared_bytes());
      needed > device.shared_bytes)
    return text("needs ", needed, " bytes of shared memory, the device has ", device.shared_bytes);
  if (auto rule = stem_pooling_rule(problem); !rule.empty()) return rule;
  if (auto rule = stem_pixels_rule(problem); !rule.empty()) return rule;
  return stem_size_rule(problem);
}

}  // namespace foldconv::host
