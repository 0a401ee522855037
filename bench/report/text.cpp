// SPDX-License-Identifier: MIT
#include "report/text.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <sstream>
#include <utility>
#include <vector>

namespace foldconv::tool {
namespace {

std::string formatted(const char* format, int digits, double value) {
  if (!std::isfinite(value)) return "-";
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), format, digits, value);
  return text.data();
}

}  // namespace

std::string fixed(double value, int digits) {
  return formatted("%.*f", digits, value);
}

std::string short_number(double value) {
  return formatted("%.*g", 3, value);
}

std::string grouped(std::uint64_t value) {
  std::string digits = std::to_string(value);
  for (std::size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
  return digits;
}

std::string counted(std::size_t count, const std::string& noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

std::string wrapped(const std::string& text, std::size_t indent) {
  constexpr std::size_t kLineWidth = 118;
  std::string lines;
  std::size_t begin = 0;
  while (text.size() - begin > kLineWidth - indent) {
    const std::size_t end = text.rfind(' ', begin + kLineWidth - indent);
    if (end == std::string::npos || end <= begin) break;
    lines += text.substr(begin, end - begin) + "\n" + std::string(indent, ' ');
    begin = end + 1;
  }
  return lines + text.substr(begin);
}

std::string clipped(const std::string& text, int width) {
  const auto limit = static_cast<std::size_t>(std::max(width, 4));
  if (text.size() <= limit) return text;
  const std::size_t front = (limit - 2) / 2;
  return text.substr(0, front) + ".." + text.substr(text.size() - (limit - 2 - front));
}

std::string without_controls(std::string text) {
  std::ranges::replace_if(
      text, [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
  return text;
}

std::string folded_repeats(const std::string& words) {
  std::istringstream rest(words);
  std::vector<std::pair<std::string, std::size_t>> counts;
  for (std::string word; rest >> word;) {
    auto known = std::ranges::find(counts, word, &decltype(counts)::value_type::first);
    if (known == counts.end()) known = counts.insert(known, {word, 0});
    ++known->second;
  }
  std::string text;
  for (const auto& [word, count] : counts) {
    text += (text.empty() ? "" : ", ") + (count > 1 ? std::to_string(count) + " x " : "") + word;
  }
  return text;
}

}  // namespace foldconv::tool
