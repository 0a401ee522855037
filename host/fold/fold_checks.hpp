// SPDX-License-Identifier: MIT
// Checks of what a caller hands to fold().
#pragma once

#include <optional>

#include "foldconv/fold.hpp"
#include "foldconv/status.hpp"

namespace foldconv::host {

Status check_fold_options(const FoldOptions& options);
Status check_weights(const ConvWeights& weights, DataType dtype);
Status check_batch_norm(const BatchNorm& batch_norm, int k);

}  // namespace foldconv::host
