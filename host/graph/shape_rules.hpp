// SPDX-License-Identifier: MIT
// The extents of what an operation makes, from those of its operands; and the rules that these must keep.
#pragma once

#include <span>

#include "graph/graph_data.hpp"

namespace foldconv::host {

// Of all operations but op::Input, op::Reshape, op::Stage, op::Gate and op::Stem. Errors: invalid_argument, unsupported.
Result<SymbolicExtents> shape_of(const Operation& operation,
                                 std::span<const SymbolicExtents> inputs, ExtentTable& table);

// An axis from 0 on, of one that may count from the end. Errors: invalid_argument.
Result<int> axis_of(int axis, std::size_t rank);

}  // namespace foldconv::host
