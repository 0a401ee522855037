// SPDX-License-Identifier: MIT
// Strings from pieces: text("k = ", 64, ", groups = ", 3).
#pragma once

#include <charconv>
#include <concepts>
#include <string>
#include <string_view>

namespace foldconv::host {

inline void append(std::string& out, std::string_view piece) {
  out += piece;
}
inline void append(std::string& out, char piece) {
  out += piece;
}

// Integers in full, floating-point numbers in the fewest digits that read back the same.
template <class Number>
requires std::integral<Number> || std::floating_point<Number>
void append(std::string& out, Number piece) {
  char digits[32];
  const auto end = std::to_chars(std::begin(digits), std::end(digits), piece).ptr;
  out.append(digits, end);
}

// A number with so many digits behind the point.
inline std::string fixed(double value, int digits) {
  char buffer[400];  // the longest double has 309 digits before the point
  const auto end =
      std::to_chars(std::begin(buffer), std::end(buffer), value, std::chars_format::fixed, digits)
          .ptr;
  return std::string(buffer, end);
}

template <class... Pieces>
std::string text(const Pieces&... pieces) {
  std::string out;
  (append(out, pieces), ...);
  return out;
}

}  // namespace foldconv::host
