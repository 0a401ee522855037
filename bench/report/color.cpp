// SPDX-License-Identifier: MIT
#include "report/color.hpp"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdlib>
#include <string_view>

namespace foldconv::tool {
namespace {

// Select Graphic Rendition, as every terminal since the VT100 has it.
constexpr const char *kBold = "1", *kGood = "32", *kBad = "1;31", *kRefused = "33";

struct Verdict {
  std::string_view words;
  const char* color;
};
constexpr Verdict kVerdicts[] = {
    {"PASS", kGood}, {"FAIL", kBad}, {"NO", kBad}, {"WRONG", kBad}, {"not possible", kRefused}};

bool is_word_at(const std::string& text, std::size_t begin, std::string_view words) {
  const std::size_t end = begin + words.size();
  return text.compare(begin, words.size(), words) == 0 &&
         (end == text.size() || std::isalnum(static_cast<unsigned char>(text[end])) == 0);
}

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

bool is_capable_terminal(int descriptor) {
  return isatty(descriptor) != 0 && variable("TERM") != "dumb";
}

bool takes_color(Coloring coloring, int descriptor) {
  if (coloring != Coloring::automatic) return coloring == Coloring::always;
  return variable("NO_COLOR").empty() && is_capable_terminal(descriptor);
}

std::string Paint::painted(const std::string& text, const char* color) const {
  return on_ && !text.empty() ? std::string("\033[") + color + "m" + text + "\033[0m" : text;
}

std::string Paint::heading(const std::string& text) const {
  return painted(text, kBold);
}

std::string Paint::complaint(const std::string& text) const {
  return painted(text, kBad);
}

std::string Paint::verdict(const std::string& text) const {
  const std::size_t begin = std::min(text.find_first_not_of(' '), text.size());
  for (const auto& [words, color] : kVerdicts) {
    if (!is_word_at(text, begin, words)) continue;
    return text.substr(0, begin) + painted(std::string(words), color) +
           text.substr(begin + words.size());
  }
  return text;
}

}  // namespace foldconv::tool
