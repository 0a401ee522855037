// SPDX-License-Identifier: MIT
// What kernels/sm90/conv.cuh costs.
#pragma once

#include <cstdint>

#include "foldconv/conv.hpp"
#include "foldconv/cost.hpp"
#include "tile/sm90_tile.hpp"

namespace foldconv::host {

// How y is divided into tiles, and these into units: what a cluster computes at a time.
struct Sm90Grid {
  std::int64_t unit_rows = 0;
  std::int64_t unit_columns_per_group = 0, unit_columns = 0;
  int tiles_of_unit = 1;

  Sm90Grid(const Sm90Tile& tile, Multicast multicast, const ConvProblem& problem);
  std::int64_t units() const { return unit_rows * unit_columns; }
};

// `problem` passed validate(), and the kernel takes it.
LaunchCost sm90_cost(const Sm90Tile& tile, Multicast multicast, const ConvProblem& problem);

}  // namespace foldconv::host
