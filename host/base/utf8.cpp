// SPDX-License-Identifier: MIT
#include "base/utf8.hpp"

#include <cstddef>

namespace foldconv::host {
namespace {

// Of the first bytes of characters: how many bytes they have, and the least and the most that the second may be.
struct Form {
  unsigned char first, last;  // of the first byte
  std::size_t size;
  unsigned char least, most;
};

// Table 3-7 of the Unicode Standard, without control characters: U+0000 to U+001F, and U+007F to U+009F.
constexpr Form kForms[] = {
    {0x20, 0x7e, 1, 0, 0},       {0xc2, 0xc2, 2, 0xa0, 0xbf}, {0xc3, 0xdf, 2, 0x80, 0xbf},
    {0xe0, 0xe0, 3, 0xa0, 0xbf}, {0xe1, 0xec, 3, 0x80, 0xbf}, {0xed, 0xed, 3, 0x80, 0x9f},
    {0xee, 0xef, 3, 0x80, 0xbf}, {0xf0, 0xf0, 4, 0x90, 0xbf}, {0xf1, 0xf3, 4, 0x80, 0xbf},
    {0xf4, 0xf4, 4, 0x80, 0x8f},
};

// The bytes of the character that the text begins with; 0: none that may be shown.
std::size_t character(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  for (const Form& form : kForms) {
    if (byte(0) < form.first || byte(0) > form.last) continue;
    if (text.size() < form.size) return 0;
    for (std::size_t i = 1; i < form.size; ++i) {
      const bool second = i == 1;
      if (byte(i) < (second ? form.least : 0x80) || byte(i) > (second ? form.most : 0xbf)) return 0;
    }
    return form.size;
  }
  return 0;
}

}  // namespace

bool is_one_line(std::string_view text) noexcept {
  while (!text.empty()) {
    const std::size_t size = character(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

std::string one_line(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string shown;
  while (!text.empty()) {
    const std::size_t size = character(text);
    if (size == 0) {
      const auto byte = static_cast<unsigned char>(text[0]);
      shown += {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
    } else {
      shown += text.substr(0, size);
    }
    text.remove_prefix(size == 0 ? 1 : size);
  }
  return shown;
}

}  // namespace foldconv::host
