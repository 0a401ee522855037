// SPDX-License-Identifier: MIT
// Scale and shift of channels: what a BatchNorm is at inference, in double.
#pragma once

#include <vector>

#include "foldconv/graph.hpp"
#include "foldconv/status.hpp"

namespace foldconv::host {

struct ChannelAffine {
  std::vector<double> scale, shift;  // y = scale * x + shift

  // A BatchNorm that does the same, to fp32.
  BatchNormNode batch_norm() const;
};

// As fold() has it. Views of the constants.
BatchNorm view_of(const BatchNormNode& node);

// Errors: invalid_argument: arrays that fold() would refuse.
Result<ChannelAffine> channel_affine(const BatchNormNode& node);

// `second` behind `first`.
ChannelAffine composed(const ChannelAffine& first, const ChannelAffine& second);

}  // namespace foldconv::host
