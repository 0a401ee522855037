// SPDX-License-Identifier: MIT
#include "expression.hpp"

#include <stdexcept>
#include <string_view>

namespace cuemu {
namespace {

struct Operator {
  std::string_view text;
  int precedence;  // higher binds tighter
};

// Two characters before one, so that "<<" is not taken for "<".
constexpr Operator kOperators[] = {{"<<", 8}, {">>", 8}, {"<=", 7}, {">=", 7}, {"==", 6}, {"!=", 6},
                                   {"&&", 2}, {"||", 1}, {"*", 10}, {"/", 10}, {"%", 10}, {"+", 9},
                                   {"-", 9},  {"<", 7},  {">", 7},  {"&", 5},  {"^", 4},  {"|", 3}};

const Operator* peek_operator(const Lexer& lexer) {
  const Token first = lexer.peek();
  if (first.kind != Token::Kind::punctuation) return nullptr;
  Lexer ahead = lexer;
  ahead.next();
  const Token second = ahead.peek();
  for (const Operator& o : kOperators) {
    if (o.text[0] != first.text[0]) continue;
    if (o.text.size() == 1 || (second.is(o.text[1]) && second.text.data() == first.text.data() + 1))
      return &o;
  }
  return nullptr;
}

uint64_t apply(std::string_view o, uint64_t a, uint64_t b) {
  const auto x = static_cast<int64_t>(a), y = static_cast<int64_t>(b);
  if ((o == "/" || o == "%") && b == 0)
    throw std::runtime_error("PTX: division by zero in a constant");
  if (o == "*") return a * b;
  if (o == "/") return y == -1 ? uint64_t{0} - a : static_cast<uint64_t>(x / y);
  if (o == "%") return y == -1 ? 0 : static_cast<uint64_t>(x % y);
  if (o == "+") return a + b;
  if (o == "-") return a - b;
  if (o == "<<") return b < 64 ? a << b : 0;
  if (o == ">>") return static_cast<uint64_t>(x >> (b < 63 ? b : 63));
  if (o == "<") return x < y;
  if (o == "<=") return x <= y;
  if (o == ">") return x > y;
  if (o == ">=") return x >= y;
  if (o == "==") return a == b;
  if (o == "!=") return a != b;
  if (o == "&") return a & b;
  if (o == "^") return a ^ b;
  if (o == "|") return a | b;
  if (o == "&&") return a != 0 && b != 0;
  return a != 0 || b != 0;
}

uint64_t binary_value(Lexer& lexer, int lowest);

uint64_t unary_value(Lexer& lexer) {
  if (lexer.accept('-')) return uint64_t{0} - unary_value(lexer);
  if (lexer.accept('+')) return unary_value(lexer);
  if (lexer.accept('~')) return ~unary_value(lexer);
  if (lexer.accept('!')) return unary_value(lexer) == 0;
  if (lexer.accept('(')) {
    if (lexer.peek().kind == Token::Kind::word) {  // a cast to .s64 or .u64 changes no bits
      lexer.next();
      if (!lexer.accept(')')) throw std::runtime_error("PTX: ')' expected");
      return unary_value(lexer);
    }
    const uint64_t value = parse_expression(lexer);
    if (!lexer.accept(')')) throw std::runtime_error("PTX: ')' expected");
    return value;
  }
  if (lexer.peek().kind != Token::Kind::integer)
    throw std::runtime_error("PTX: a constant is expected, not '" + std::string(lexer.peek().text) +
                             "'");
  return lexer.next().bits;
}

uint64_t binary_value(Lexer& lexer, int lowest) {
  uint64_t value = unary_value(lexer);
  for (const Operator* o = peek_operator(lexer); o != nullptr && o->precedence >= lowest;
       o = peek_operator(lexer)) {
    for (size_t i = 0; i < o->text.size(); ++i) lexer.next();
    value = apply(o->text, value, binary_value(lexer, o->precedence + 1));
  }
  return value;
}

}  // namespace

bool at_expression(const Lexer& lexer) {
  const Token& t = lexer.peek();
  return t.kind == Token::Kind::integer || t.is('-') || t.is('+') || t.is('~') || t.is('(');
}

uint64_t parse_expression(Lexer& lexer) {
  const uint64_t value = binary_value(lexer, 1);
  if (!lexer.accept('?')) return value;
  const uint64_t yes = parse_expression(lexer);
  if (!lexer.accept(':')) throw std::runtime_error("PTX: ':' expected");
  const uint64_t no = parse_expression(lexer);
  return value != 0 ? yes : no;
}

}  // namespace cuemu
