// SPDX-License-Identifier: MIT
#include "catalog/depthwise.hpp"

#include <algorithm>
#include <limits>

#include "base/problem_sizes.hpp"
#include "base/sizes.hpp"
#include "base/text.hpp"
#include "catalog/supports.hpp"

namespace foldconv::host {
namespace {

FastDivision by(std::int64_t divisor) {
  return FastDivision(static_cast<std::uint32_t>(divisor));
}

std::string not_one(const char* name, int value, int nearest) {
  return text("takes ", name, " = ", nearest, " only: ", name, " = ", value, "; nearest: ", name,
              " = ", nearest);
}

}  // namespace

std::string depthwise_rule(const DepthwiseTile& tile, const ConvProblem& problem) {
  if (problem.groups == 1 || c_per_group(problem) != 1 || k_per_group(problem) != 1) {
    return text("takes depthwise problems only, c = k = groups, two or more: c = ", problem.c,
                ", k = ", problem.k, ", groups = ", problem.groups,
                "; nearest: groups = ", std::max(problem.c, 2));
  }
  if (problem.r != tile.filter || problem.s != tile.filter) {
    return text("takes ", tile.filter, "x", tile.filter, " filters only: r x s = ", problem.r, "x",
                problem.s, "; nearest: ", tile.filter, "x", tile.filter);
  }
  if (problem.dilation.h != 1) return not_one("dilation.h", problem.dilation.h, 1);
  if (problem.dilation.w != 1) return not_one("dilation.w", problem.dilation.w, 1);
  const int nearest = std::clamp(problem.stride.h, 1, 2);
  if (problem.stride.h != nearest || problem.stride.w != nearest) {
    return text("takes strides 1x1 and 2x2 only: stride = ", problem.stride.h, "x",
                problem.stride.w, "; nearest: ", nearest, "x", nearest);
  }
  return {};
}

std::string depthwise_size_rule(const DepthwiseTile& tile, const ConvProblem& problem) {
  const DepthwiseCut cut = depthwise_cut(tile, problem);
  const DepthwiseGrid grid = depthwise_grid(cut, problem);
  const std::int64_t of_an_image = grid.ctas() / grid.images, most = kIndexLimit - 1;
  // Rows and columns of x are counted from the margin's begin, and windows reach behind the image.
  const std::int64_t most_pixels = kIndexLimit / 4;
  const auto too_long = [most_pixels](const char* name, std::int64_t value) {
    return text("counts rows and columns with 32 bits: ", name, " = ", value, ", more than ",
                most_pixels, "; nearest: ", name, " = ", most_pixels);
  };
  if (problem.p() > most_pixels) return too_long("p", problem.p());
  if (problem.q() > most_pixels) return too_long("q", problem.q());
  if (problem.h > most_pixels) return too_long("h", problem.h);
  if (problem.w > most_pixels) return too_long("w", problem.w);
  if (grid.ctas() <= most) return {};
  return text("counts CTAs with 32 bits: ", grid.ctas(), ", 2^31 or more; ",
              most / of_an_image >= 1 ? text("nearest: n = ", most / of_an_image)
                                      : std::string("no n is small enough"));
}

LaunchShape depthwise_launch_shape(const DepthwiseTile& tile, const ConvProblem& problem) {
  return depthwise_launch_shape(tile, depthwise_cut(tile, problem), problem);
}

LaunchShape depthwise_launch_shape(const DepthwiseTile& tile, const DepthwiseCut& cut,
                                   const ConvProblem& problem) {
  const auto element_bytes = static_cast<int>(size_of(problem.dtype));
  return {static_cast<std::uint32_t>(depthwise_grid(cut, problem).ctas()),
          static_cast<std::uint32_t>(cut.threads()),
          static_cast<std::size_t>(cut.shared_bytes(tile, problem.stride.h, element_bytes))};
}

DepthwiseParams depthwise_params(const DepthwiseTile& tile, const ConvProblem& problem) {
  return depthwise_params(depthwise_cut(tile, problem), problem);
}

DepthwiseParams depthwise_params(const DepthwiseCut& cut, const ConvProblem& problem) {
  const DepthwiseGrid grid = depthwise_grid(cut, problem);
  DepthwiseParams params = {};
  params.g = geometry(problem);
  params.activation = activation_params(problem.activation);
  params.cut = cut;
  params.vector = depthwise_in_pieces(problem) ? 1 : 0;
  params.quads = by(cut.quads());
  params.channel_cuts = by(grid.channels);
  params.column_cuts = by(grid.columns);
  params.row_cuts = by(grid.rows);
  return params;
}

}  // namespace foldconv::host
