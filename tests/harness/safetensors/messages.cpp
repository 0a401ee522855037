// SPDX-License-Identifier: MIT
#include "harness/safetensors/messages.hpp"

#include <cstddef>

namespace foldconv::harness {
namespace {

constexpr std::size_t kMaxBytes = 80;

bool continues_a_character(char byte) {
  return (static_cast<unsigned char>(byte) & 0xc0) == 0x80;
}

}  // namespace

std::string printable(std::string_view name) {
  std::size_t shown = name.size();
  if (shown > kMaxBytes) {
    shown = kMaxBytes;
    while (shown > 0 && continues_a_character(name[shown])) --shown;
  }
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text = "`";
  for (const char c : name.substr(0, shown)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7f) {
      text += c;
    } else {
      text += {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
    }
  }
  return text + (shown < name.size() ? "...`" : "`");
}

void fail(const std::string& file, const std::string& what, ErrorCode code) {
  throw Error(code, file + ": " + what);
}

void malformed(const std::string& file, const std::string& what) {
  fail(file, what + "; the file is damaged or not safetensors: write it again");
}

}  // namespace foldconv::harness
