// SPDX-License-Identifier: MIT
// What messages say of a file and of the names in it.
#pragma once

#include <string>
#include <string_view>

#include "harness/error.hpp"

namespace foldconv::harness {

// `name` in backquotes: control characters as \xNN, and no more than the first 80 bytes, so that
// nothing in a damaged file upsets a terminal. UTF-8 stays UTF-8.
std::string printable(std::string_view name);

// Throws Error: "FILE: WHAT".
[[noreturn]] void fail(const std::string& file, const std::string& what,
                       ErrorCode code = ErrorCode::invalid_argument);
// The same of a file that breaks its format.
[[noreturn]] void malformed(const std::string& file, const std::string& what);

}  // namespace foldconv::harness
