// SPDX-License-Identifier: MIT
// A convolution's problem as a line of text, for files and for other processes.
#pragma once

#include <string>

#include "foldconv/conv.hpp"

namespace foldconv::harness {

// "n h w c k r s stride.h stride.w top bottom left right dilation.h dilation.w groups activation
// alpha residual dtype"
std::string problem_text(const ConvProblem& problem);
ConvProblem parse_problem_text(const std::string& text);  // throws Error (invalid_argument)

}  // namespace foldconv::harness
