// SPDX-License-Identifier: MIT
// From folded KCRS weights to the matrix that all kernels read (tile/weight_layout.hpp).
#pragma once

#include <cstddef>
#include <vector>

#include "foldconv/fold.hpp"
#include "foldconv/status.hpp"

namespace foldconv::host {

// Whether the packed matrix of k rows can be indexed: a row below 2^31 elements, the whole below
// 2^63 bytes. Sizes are positive.
Status check_packed_size(DataType dtype, int k, int c_per_group, int r, int s);

// The packed matrix in the storage type. The sizes passed check_packed_size().
std::vector<std::byte> pack(const FoldedConv& folded);

// Values in the storage type, each rounded once. Errors: invalid_argument: one that is not finite there.
Result<std::vector<std::byte>> encoded(std::span<const float> values, DataType dtype);

}  // namespace foldconv::host
