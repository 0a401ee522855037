// SPDX-License-Identifier: MIT
#include "base/utf8.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "base/error.hpp"

namespace foldconv::host {
namespace {

// UTF-8 of a code point by its definition, surrogates included.
std::string encoded(char32_t point) {
  const auto byte = [](char32_t value) { return static_cast<char>(value); };
  const auto more = [&](int shift) { return byte(0x80 | (point >> shift & 0x3f)); };
  if (point < 0x80) return {byte(point)};
  if (point < 0x800) return {byte(0xc0 | point >> 6), more(0)};
  if (point < 0x10000) return {byte(0xe0 | point >> 12), more(6), more(0)};
  return {byte(0xf0 | point >> 18), more(12), more(6), more(0)};
}

TEST(Utf8, TakesAllCharactersButControls) {
  // All of the first plane; of the others the ends, and every eighth.
  const auto step = [](char32_t point) {
    return point < 0x10000 || (point + 8) % 0x10000 < 16 ? 1u : 8u;
  };
  for (char32_t point = 0; point < 0x120000; point += step(point)) {
    const bool control = point < 0x20 || (point >= 0x7f && point < 0xa0);
    const bool surrogate = point >= 0xd800 && point < 0xe000;
    const std::string text = encoded(point);
    const bool wanted = !control && !surrogate && point < 0x110000;
    bool right = is_one_line(text) == wanted && (one_line(text) == text) == wanted;
    if (text.size() > 1) {  // not whole, or with too much
      const std::string begin = text.substr(0, text.size() - 1);
      right = right && !is_one_line(begin) && !is_one_line(begin + "a") &&
              !is_one_line(text + text.back());
    }
    if (!right) FAIL() << std::hex << +point;
  }
  for (const std::string_view overlong :
       {"\xc0\xaf", "\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf"}) {
    EXPECT_FALSE(is_one_line(overlong));
  }
}

TEST(Utf8, ShowsTheRestAsBytes) {
  using namespace std::string_view_literals;
  EXPECT_EQ(one_line(""), "");
  EXPECT_EQ(one_line("a\nb\xff\u20ac\x1b\0c\u0085\xe2\x82"sv),
            "a\\x0ab\\xff\u20ac\\x1b\\x00c\\xc2\\x85\\xe2\\x82");
  EXPECT_EQ(one_line("\\x0a"), "\\x0a");
}

TEST(Utf8, MessagesAreOneLine) {
  const Status status = invalid("no such name", "\"a\n\xff\"", "use another");
  EXPECT_EQ(status.message(), "no such name: \"a\\x0a\\xff\"; use another");
  EXPECT_EQ(at("b\r", status).message(), "b\\x0d: " + status.message());
}

}  // namespace
}  // namespace foldconv::host
