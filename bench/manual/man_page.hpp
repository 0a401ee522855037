// SPDX-License-Identifier: MIT
// The manual page.
#pragma once

#include <string>

#include "manual/description.hpp"

namespace foldconv::tool {

// As man(1) reads it: macros of man(7), ASCII, no date.
std::string man_page(const ToolDescription& tool);

}  // namespace foldconv::tool
