// SPDX-License-Identifier: MIT
// What shells must know to complete a command line: for each a script to source, or to find in its folder of
// completions.
#pragma once

#include <string>

#include "manual/description.hpp"

namespace foldconv::tool {

std::string bash_completion(const ToolDescription& tool);
std::string zsh_completion(const ToolDescription& tool);
std::string fish_completion(const ToolDescription& tool);

}  // namespace foldconv::tool
