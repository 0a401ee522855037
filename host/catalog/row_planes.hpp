// SPDX-License-Identifier: MIT
// How the rows loader lays out the planes of x: stage/sm80/x_planes.cuh has the picture.
#pragma once

#include <cstdint>

#include "foldconv/conv.hpp"
#include "params/conv_params.hpp"
#include "tile/conv_tile.hpp"

namespace foldconv::host {

struct RowPlanesLayout {
  RowPlanes params;
  std::int64_t elements;  // of all planes of a CTA
};

// `problem` passed index_rule() for the tile: then nothing overflows. Elements may be more than any
// device's shared memory holds; params are of use where they are not.
RowPlanesLayout row_planes(const ConvTile& tile, const ConvProblem& problem);

}  // namespace foldconv::host
