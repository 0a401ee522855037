// SPDX-License-Identifier: MIT
// Text of tables.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace foldconv::tool {

std::string fixed(double value, int digits);  // "12.30"; "-" where not finite
std::string short_number(double value);       // 3 significant digits: "0.0123", "1.23e-05"
std::string grouped(std::uint64_t value);     // "12,345,678"
std::string counted(std::size_t count, const std::string& noun);  // "23 problems", "1 problem"
// Lines of at most 118 characters, broken between words; all but the first begin with `indent`
// spaces.
std::string wrapped(const std::string& text, std::size_t indent);
std::string clipped(const std::string& text, int width);  // cut with ".." in the middle
// Names out of files may hold anything: control characters as "?", so that none upsets a terminal.
std::string without_controls(std::string text);
// "a b a" as "2 x a, b": each word once, in the order of its first appearance.
std::string folded_repeats(const std::string& words);

}  // namespace foldconv::tool
