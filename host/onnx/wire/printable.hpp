// SPDX-License-Identifier: MIT
// Text of a file that may hold anything, made fit to be shown.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

namespace foldconv::onnx::wire {

// All of it; quotes, backslashes and what is not printable ASCII as \xNN.
inline std::string escaped(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string shown;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f && c != '"' && c != '\\') {
      shown += c;
    } else {
      shown += {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
    }
  }
  return shown;
}

// In quotes, and no more than its first 80 bytes.
inline std::string printable(std::string_view text) {
  constexpr std::size_t kMost = 80;
  return '"' + escaped(text.substr(0, kMost)) + (text.size() > kMost ? "...\"" : "\"");
}

}  // namespace foldconv::onnx::wire
