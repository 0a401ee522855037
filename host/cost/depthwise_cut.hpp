// SPDX-License-Identifier: MIT
// How the depthwise kernel (kernels/simt/depthwise.cuh) cuts a problem.
#pragma once

#include <cstdint>
#include <vector>

#include "foldconv/conv.hpp"
#include "tile/depthwise_tile.hpp"

namespace foldconv::host {

// The cuts that may be taken: in the shared memory of every device. One at least.
std::vector<DepthwiseCut> depthwise_cuts(const DepthwiseTile& tile, const ConvProblem& problem);

// The cut with the least work for the SM that has the most of it, halos and idle lanes counted. Of the problem alone.
DepthwiseCut depthwise_cut(const DepthwiseTile& tile, const ConvProblem& problem);

// Whether channels come and go in pieces of 16 bytes, or one by one.
bool depthwise_in_pieces(const ConvProblem& problem);

// CTAs over the channels, the columns and the rows of y.
struct DepthwiseGrid {
  std::int64_t channels, columns, rows, images;
  std::int64_t ctas() const { return channels * columns * rows * images; }
};
DepthwiseGrid depthwise_grid(const DepthwiseCut& cut, const ConvProblem& problem);

}  // namespace foldconv::host
