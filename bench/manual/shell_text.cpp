// SPDX-License-Identifier: MIT
#include "manual/shell_text.hpp"

#include <string_view>

namespace foldconv::tool {

std::string shell_quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string shell_words(const std::vector<std::string>& words) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./";
  std::string out;
  for (const std::string& word : words) {
    const bool plain = !word.empty() && word.find_first_not_of(kPlain) == std::string::npos;
    out += (out.empty() ? "" : " ") + (plain ? word : shell_quoted(word));
  }
  return out;
}

std::string brief(const std::string& help) {
  constexpr std::size_t kMost = 72;
  std::string text = help.substr(0, help.find('\n'));
  if (text.size() <= kMost) return text;
  text.erase(text.rfind(' ', kMost));
  return text + " ...";
}

}  // namespace foldconv::tool
