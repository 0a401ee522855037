// SPDX-License-Identifier: MIT
// The driver's function that tells what it knows of a pointer.
#pragma once

#include <string_view>

namespace cuemu::runtime {

// cuPointerGetAttribute; nullptr for all other names.
void* find_pointer_function(std::string_view name);

}  // namespace cuemu::runtime
