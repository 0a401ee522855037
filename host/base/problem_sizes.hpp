// SPDX-License-Identifier: MIT
// Sizes derived from a problem that passed validate(), in 64 bits.
#pragma once

#include <cstddef>
#include <cstdint>

#include "foldconv/conv.hpp"
#include "tile/halo_tile.hpp"
#include "tile/mean_order.hpp"
#include "tile/weight_layout.hpp"

namespace foldconv::host {

inline int c_per_group(const ConvProblem& problem) {
  return problem.c / problem.groups;
}
inline int k_per_group(const ConvProblem& problem) {
  return problem.k / problem.groups;
}
inline WeightLayout weight_layout(const ConvProblem& problem) {
  return {c_per_group(problem), problem.r * problem.s};
}
// Elements from a pixel to the next.
inline int x_pitch(const ConvProblem& problem) {
  return problem.pitch.x != 0 ? problem.pitch.x : problem.c;
}
inline int residual_pitch(const ConvProblem& problem) {
  return problem.pitch.residual != 0 ? problem.pitch.residual : problem.k;
}
inline int y_pitch(const ConvProblem& problem) {
  return problem.pitch.y != 0 ? problem.pitch.y : problem.k;
}
inline std::int64_t output_pixels(const ConvProblem& problem) {
  return std::int64_t{problem.n} * problem.p() * problem.q();
}
// Pixels of x between the first and the last tap of a window.
inline std::int64_t halo_reach(const ConvProblem& problem) {
  return HaloTile::reach(problem.r, problem.s, problem.dilation.h, problem.dilation.w, problem.w);
}

// Of the fp32 sums [n][tiles][c] of a map's tiles (tile/mean_order.hpp).
inline std::size_t mean_sums_bytes(const Shape& map) {
  return sizeof(float) * static_cast<std::size_t>(map.n) *
         static_cast<std::size_t>(mean_tiles(map.h)) * static_cast<std::size_t>(mean_tiles(map.w)) *
         static_cast<std::size_t>(map.c);
}

}  // namespace foldconv::host
