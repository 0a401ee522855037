// SPDX-License-Identifier: MIT
// Splits PTX text into tokens. Opcodes keep their dots: "ld.global.nc.v4.f32" is one token.
#pragma once

#include <cstdint>
#include <string_view>

#include "../isa/types.hpp"

namespace cuemu {

// "f32" -> Type::f32; Type::none when the word is no type.
Type parse_type(std::string_view word);

struct Token {
  enum class Kind : uint8_t { end, word, integer, float32, float64, string, punctuation };
  Kind kind = Kind::end;
  std::string_view text;
  uint64_t bits = 0;  // of a number: two's complement, or the IEEE encoding

  bool is(char c) const { return kind == Kind::punctuation && text[0] == c; }
  bool is(std::string_view word) const { return kind == Kind::word && text == word; }
};

class Lexer {
 public:
  explicit Lexer(std::string_view text) : at_(text.data()), end_(at_ + text.size()) { advance(); }
  const Token& peek() const { return token_; }
  Token next() {
    Token t = token_;
    advance();
    return t;
  }
  bool accept(char c) {
    if (!token_.is(c)) return false;
    advance();
    return true;
  }
  void skip_past(char c);
  // At a '{': returns the text up to and with the brace that closes it, without splitting it into
  // tokens.
  std::string_view skip_braces();

 private:
  void advance();
  void skip_blanks();
  void read_number();

  const char* at_;
  const char* end_;
  Token token_;
};

}  // namespace cuemu
