// SPDX-License-Identifier: MIT
#include "initialiser.hpp"

#include <bit>
#include <cstring>
#include <stdexcept>
#include <string>

namespace cuemu {

void write_initialiser(
    const Declaration& variable, std::byte* storage,
    const std::function<std::optional<uint64_t>(std::string_view name)>& address_of) {
  Lexer lexer(variable.initialiser);
  const unsigned width = bytes_of(variable.type);
  const uint64_t capacity = variable.bytes() / width;
  uint64_t at = 0;
  while (lexer.peek().kind != Token::Kind::end) {
    if (lexer.peek().kind == Token::Kind::punctuation && !lexer.peek().is('-') &&
        !lexer.peek().is('(')) {
      lexer.next();  // nested braces and commas: elements come in order
      continue;
    }
    const bool negative = lexer.accept('-');
    Token value = lexer.next();
    uint64_t mask = ~uint64_t{0};
    // 0xFF00(name) is one byte of an address.
    if (value.kind == Token::Kind::integer && lexer.accept('(')) {
      mask = value.bits;
      value = lexer.next();
    }
    if (value.is("generic")) {
      lexer.accept('(');
      value = lexer.next();
      lexer.accept(')');
    }
    uint64_t bits = value.bits;
    if (value.kind == Token::Kind::word) {
      const std::optional<uint64_t> address = address_of(value.text);
      if (!address)
        throw std::runtime_error("PTX: unknown name in an initialiser: " + std::string(value.text));
      bits = *address;
      if (lexer.accept('+')) bits += lexer.next().bits;
    } else if (value.kind == Token::Kind::float64 && width == 4) {
      bits = std::bit_cast<uint32_t>(static_cast<float>(std::bit_cast<double>(bits)));
    }
    if (negative) {
      if (value.kind == Token::Kind::float32)
        bits ^= uint64_t{1} << 31;
      else if (value.kind == Token::Kind::float64)
        bits ^= uint64_t{1} << (width * 8 - 1);
      else
        bits = uint64_t{0} - bits;
    }
    if (mask != ~uint64_t{0}) {
      bits = (bits & mask) >> std::countr_zero(mask);
      lexer.accept(')');
    }
    if (at == capacity) throw std::runtime_error("PTX: too many initial values");
    std::memcpy(storage + at * width, &bits, width);
    ++at;
  }
}

}  // namespace cuemu
