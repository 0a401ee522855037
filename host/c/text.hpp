// SPDX-License-Identifier: MIT
// Text into a caller's buffer.
#pragma once

#include <cstddef>
#include <string_view>

#include "foldconv/status.hpp"

namespace foldconv::c {

// As much of it as there is room for, and its length, where that is wanted.
Status write_text(std::string_view text, char* to, std::size_t capacity, std::size_t* length);

}  // namespace foldconv::c
