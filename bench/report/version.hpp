// SPDX-License-Identifier: MIT
// What this program is.
#pragma once

#include <string>

namespace foldconv::tool {

// "1.2.3".
std::string version_number();

// Of the commit; "": unknown.
std::string git_description();

// What --version says, a line each: the number, the commit, the CUDA runtime, the kernels, cuDNN.
std::string version_text();

}  // namespace foldconv::tool
