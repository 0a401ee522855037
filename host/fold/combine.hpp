// SPDX-License-Identifier: MIT
// Folded convolutions made of folded convolutions: what kernels of whole blocks read.
#pragma once

#include "foldconv/fold.hpp"

namespace foldconv::host {

// The same convolution with zero weights for `k` output channels and `c_per_group` input channels;
// neither may be fewer than it has. New channels have scale 1 and bias 0.
FoldedConv filled_up(const FoldedConv& conv, int k, int c_per_group);

// [a | b]: one 1x1 over the channels of both inputs, those of each filled up to whole slices, with
// the sum of both biases. Both are 1x1 with the same k and type, and their scales are 1.
FoldedConv joined(const FoldedConv& a, const FoldedConv& b);

}  // namespace foldconv::host
