// SPDX-License-Identifier: MIT
// What a block's tail costs: kernels/sm80/block_tail.cuh.
#pragma once

#include "foldconv/conv.hpp"
#include "foldconv/cost.hpp"
#include "tile/tail_tile.hpp"

namespace foldconv::host {

// The convolutions of a tail; null where there is no such one.
struct TailConvs {
  ConvProblem conv2, conv3;
  const ConvProblem* projection = nullptr;  // else x is added
  const ConvProblem* next = nullptr;        // the next block's conv1
};

// Whether the kernel takes conv2's taps from shared memory (stage/sm80/tail_copies.cuh).
bool tail_has_halo(const TailTile& tile, const TailConvs& convs);

LaunchCost tail_cost(const TailTile& tile, const TailConvs& convs, int resident);

}  // namespace foldconv::host
