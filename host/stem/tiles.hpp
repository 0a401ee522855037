// SPDX-License-Identifier: MIT
// A stem's kernel and its tiles.
#pragma once

#include <cstdint>

#include "base/sizes.hpp"
#include "catalog/registry.hpp"
#include "stem/stem.hpp"

namespace foldconv::host {

// For the filter and data type; null where there is none.
const StemKernel* stem_kernel(const ConvProblem& conv);

struct StemTiles {
  StemTile::Sizes sizes;
  std::int64_t rows, columns;  // of tiles of y, in an image
  std::int64_t n_blocks;       // of channels

  StemTiles(const StemTile& tile, const StemProblem& problem)
      : sizes(StemTile::sizes(problem.pool.has_value())),
        rows(ceil_div(problem.output().h, sizes.y_rows)),
        columns(ceil_div(problem.output().w, sizes.y_columns)),
        n_blocks(ceil_div(problem.conv.k, tile.block_n)) {}
  std::int64_t in_image() const { return rows * columns; }
};

}  // namespace foldconv::host
