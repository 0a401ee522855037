// SPDX-License-Identifier: MIT
// Sizes derived from a problem that passed validate(), in 64 bits.
#pragma once

#include <cstdint>

#include "foldconv/conv.hpp"
#include "tile/halo_tile.hpp"
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
inline std::int64_t output_pixels(const ConvProblem& problem) {
  return std::int64_t{problem.n} * problem.p() * problem.q();
}
// Pixels of x between the first and the last tap of a window.
inline std::int64_t halo_reach(const ConvProblem& problem) {
  return HaloTile::reach(problem.r, problem.s, problem.dilation.h, problem.dilation.w, problem.w);
}

}  // namespace foldconv::host
