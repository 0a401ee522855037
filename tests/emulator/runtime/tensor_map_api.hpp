// SPDX-License-Identifier: MIT
// The driver's functions that make tensor maps.
#pragma once

#include <string_view>

namespace cuemu::runtime {

// nullptr for all others.
void* find_tensor_map_function(std::string_view name);

}  // namespace cuemu::runtime
