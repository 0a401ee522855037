// SPDX-License-Identifier: MIT
#include "lexer.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>

namespace cuemu {
namespace {

bool is_word_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '$' || c == '%' || c == '.';
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

}  // namespace

Type parse_type(std::string_view word) {
  struct Entry {
    std::string_view name;
    Type type;
  };
  static constexpr Entry table[] = {
      {"b32", Type::b32},       {"u32", Type::u32},     {"s32", Type::s32},
      {"f32", Type::f32},       {"b64", Type::b64},     {"u64", Type::u64},
      {"s64", Type::s64},       {"f64", Type::f64},     {"b16", Type::b16},
      {"u16", Type::u16},       {"s16", Type::s16},     {"f16", Type::f16},
      {"b8", Type::b8},         {"u8", Type::u8},       {"s8", Type::s8},
      {"pred", Type::pred},     {"f16x2", Type::f16x2}, {"bf16", Type::bf16},
      {"bf16x2", Type::bf16x2}, {"tf32", Type::tf32},   {"b128", Type::b128},
      {"u16x2", Type::u16x2},   {"s16x2", Type::s16x2}};
  for (const Entry& e : table)
    if (e.name == word) return e.type;
  return Type::none;
}

void Lexer::skip_blanks() {
  while (at_ < end_) {
    if (*at_ == ' ' || *at_ == '\t' || *at_ == '\n' || *at_ == '\r') {
      ++at_;
    } else if (*at_ == '/' && at_ + 1 < end_ && at_[1] == '/') {
      const void* eol = std::memchr(at_, '\n', static_cast<size_t>(end_ - at_));
      at_ = eol ? static_cast<const char*>(eol) : end_;
    } else if (*at_ == '/' && at_ + 1 < end_ && at_[1] == '*') {
      std::string_view rest(at_, static_cast<size_t>(end_ - at_));
      size_t close = rest.find("*/", 2);
      at_ = close == std::string_view::npos ? end_ : at_ + close + 2;
    } else {
      return;
    }
  }
}

void Lexer::read_number() {
  const char* start = at_;
  auto hex_digits = [&](int count) {
    std::string digits(at_ + 2,
                       static_cast<size_t>(std::min<std::ptrdiff_t>(count, end_ - at_ - 2)));
    at_ += 2 + digits.size();
    return std::strtoull(digits.c_str(), nullptr, 16);
  };
  char second = at_ + 1 < end_ ? at_[1] : '\0';
  if (*at_ == '0' && (second == 'f' || second == 'F')) {
    token_.bits = hex_digits(8);
    token_.kind = Token::Kind::float32;
  } else if (*at_ == '0' && (second == 'd' || second == 'D')) {
    token_.bits = hex_digits(16);
    token_.kind = Token::Kind::float64;
  } else {
    const char* stop = at_;
    bool hexadecimal = second == 'x' || second == 'X';
    bool decimal_point = false;
    while (stop < end_ &&
           (is_word_char(*stop) || ((*stop == '+' || *stop == '-') && !hexadecimal && stop > at_ &&
                                    (stop[-1] == 'e' || stop[-1] == 'E')))) {
      decimal_point |= *stop == '.';
      ++stop;
    }
    std::string text(at_, stop);
    at_ = stop;
    if (decimal_point) {
      token_.kind = Token::Kind::float64;
      token_.bits = std::bit_cast<uint64_t>(std::strtod(text.c_str(), nullptr));
    } else {
      token_.kind = Token::Kind::integer;
      bool binary = text.size() > 1 && (text[1] == 'b' || text[1] == 'B');
      token_.bits = binary ? std::strtoull(text.c_str() + 2, nullptr, 2)
                           : std::strtoull(text.c_str(), nullptr, 0);
    }
  }
  token_.text = {start, static_cast<size_t>(at_ - start)};
}

void Lexer::advance() {
  skip_blanks();
  const char* start = at_;
  token_ = Token{};
  if (at_ >= end_) {
    token_.text = {end_, 0};
    return;
  }
  if (is_digit(*at_)) {
    read_number();
    return;
  }
  if (is_word_char(*at_)) {
    // "::" belongs to opcodes such as cp.async.cg.shared.global.L2::128B; a single ':' ends a
    // label.
    const bool directive = *at_ == '.';
    ++at_;
    while (at_ < end_) {
      // ".reg.b32" is two directives; "add.u32" is one opcode.
      if (directive && *at_ == '.') break;
      if (is_word_char(*at_)) {
        ++at_;
      } else if (*at_ == ':' && at_ + 1 < end_ && at_[1] == ':') {
        at_ += 2;
      } else {
        break;
      }
    }
    token_.kind = Token::Kind::word;
  } else if (*at_ == '"') {
    ++at_;
    while (at_ < end_ && *at_ != '"') at_ += (*at_ == '\\' && at_ + 1 < end_) ? 2 : 1;
    if (at_ < end_) ++at_;
    token_.kind = Token::Kind::string;
  } else {
    ++at_;
    token_.kind = Token::Kind::punctuation;
  }
  token_.text = {start, static_cast<size_t>(at_ - start)};
}

void Lexer::skip_past(char c) {
  while (token_.kind != Token::Kind::end && !token_.is(c)) advance();
  advance();
}

std::string_view Lexer::skip_braces() {
  const char* start = token_.text.data();
  int depth = 1;
  while (at_ < end_ && depth > 0) {
    const char c = *at_;
    if (c == '/') {
      const char* before = at_;
      skip_blanks();
      if (at_ == before) ++at_;
      continue;
    }
    if (c == '"') {
      const void* quote = std::memchr(at_ + 1, '"', static_cast<size_t>(end_ - at_ - 1));
      at_ = quote ? static_cast<const char*>(quote) : end_ - 1;
    }
    depth += (c == '{') - (c == '}');
    ++at_;
  }
  const std::string_view skipped(start, static_cast<size_t>(at_ - start));
  advance();
  return skipped;
}

}  // namespace cuemu
