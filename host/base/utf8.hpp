// SPDX-License-Identifier: MIT
// Text from anywhere, made fit to be shown: in messages and explanations, which programs of other languages decode.
#pragma once

#include <string>
#include <string_view>

namespace foldconv::host {

// True for UTF-8 without control characters.
bool is_one_line(std::string_view text) noexcept;

// The same text, with each byte that keeps it from being one line as \xNN.
std::string one_line(std::string_view text);

}  // namespace foldconv::host
