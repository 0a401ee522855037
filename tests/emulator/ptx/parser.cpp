// SPDX-License-Identifier: MIT
// Parses the body of a function into statements.
#include <stdexcept>

#include "expression.hpp"
#include "syntax.hpp"

namespace cuemu {
namespace {

class BodyParser {
 public:
  explicit BodyParser(std::string_view body) : body_(body), lexer_(body) {}

  std::vector<Statement> run() {
    while (lexer_.peek().kind != Token::Kind::end) statement();
    return std::move(statements_);
  }

 private:
  Statement& add(Statement::Kind kind) {
    Statement& s = statements_.emplace_back();
    s.kind = kind;
    s.location = location_;
    return s;
  }

  void statement() {
    const Token first = lexer_.peek();
    if (lexer_.accept('{')) {
      add(Statement::Kind::open_scope);
    } else if (lexer_.accept('}')) {
      add(Statement::Kind::close_scope);
    } else if (lexer_.accept(';')) {
      return;
    } else if (first.kind == Token::Kind::word && first.text[0] == '.') {
      directive();
    } else if (first.is('@')) {
      instruction();
    } else if (first.kind == Token::Kind::word) {
      Lexer ahead = lexer_;
      ahead.next();
      if (ahead.peek().is(':')) {
        lexer_.next();
        lexer_.next();
        add(Statement::Kind::label).opcode = first.text;
      } else {
        instruction();
      }
    } else {
      throw std::runtime_error("PTX: unexpected '" + std::string(first.text) + "'");
    }
  }

  void directive() {
    const std::string_view word = lexer_.next().text;
    if (word == ".loc") {
      location();
    } else if (word == ".branchtargets") {
      // Belongs to the label in front of it.
      Statement& s = statements_.back();
      s.kind = Statement::Kind::targets;
      do s.operands.push_back(operand());
      while (lexer_.accept(','));
      lexer_.accept(';');
    } else if (word == ".callprototype") {
      statements_.pop_back();
      lexer_.skip_past(';');
    } else if (word == ".reg" || word == ".local" || word == ".shared" || word == ".param" ||
               word == ".const" || word == ".global") {
      declarations(word);
    } else {
      lexer_.skip_past(';');  // .pragma and others without meaning here
    }
  }

  uint32_t integer() { return static_cast<uint32_t>(lexer_.next().bits); }

  void location() {
    location_ = SourceLocation{};
    location_.file = integer();
    location_.line = integer();
    lexer_.next();  // column
    while (lexer_.accept(',')) {
      const std::string_view what = lexer_.next().text;
      if (what == "function_name") {
        lexer_.next();
        if (lexer_.accept('+')) lexer_.next();
      } else if (what == "inlined_at") {
        location_.inlined_file = integer();
        location_.inlined_line = integer();
        lexer_.next();
      }
    }
  }

  void declarations(std::string_view space) {
    Declaration d;
    d.kind = space == ".reg"      ? Declaration::Kind::reg
             : space == ".local"  ? Declaration::Kind::local
             : space == ".shared" ? Declaration::Kind::shared
             : space == ".const"  ? Declaration::Kind::constant
             : space == ".global" ? Declaration::Kind::global
                                  : Declaration::Kind::param;
    do {
      parse_declaration(lexer_, d);
      add(Statement::Kind::declaration).declaration = d;
    } while (lexer_.accept(','));
    lexer_.skip_past(';');
  }

  void instruction() {
    Statement& s = add(Statement::Kind::instruction);
    const char* start = lexer_.peek().text.data();
    if (lexer_.accept('@')) {
      s.guard_negated = lexer_.accept('!');
      s.guard = lexer_.next().text;
    }
    s.opcode = lexer_.next().text;
    in_call_ = s.opcode.starts_with("call");
    while (!lexer_.peek().is(';') && lexer_.peek().kind != Token::Kind::end) {
      s.operands.push_back(operand());
      if (!lexer_.accept(',')) break;
    }
    const char* stop = lexer_.peek().text.data();
    s.text = {start, static_cast<size_t>(stop - start)};
    if (!lexer_.accept(';'))
      throw std::runtime_error("PTX: ';' expected behind '" + std::string(s.text) + "'");
  }

  void number(ParsedOperand& o) {
    Lexer ahead = lexer_;
    const bool negative = ahead.accept('-');
    const Token t = ahead.peek();
    o.kind = ParsedOperand::Kind::number;
    if (t.kind == Token::Kind::float32 || t.kind == Token::Kind::float64) {
      if (negative) lexer_.next();
      o.bits = lexer_.next().bits;
      o.number = t.kind;
      if (negative) o.bits ^= uint64_t{1} << (t.kind == Token::Kind::float32 ? 31 : 63);
    } else {
      o.bits = parse_expression(lexer_);
    }
  }

  // Of "name+4" or "name+-4".
  uint64_t displacement() {
    if (!lexer_.peek().is('+') && !lexer_.peek().is('-')) return 0;
    return parse_expression(lexer_);
  }

  void list(ParsedOperand& o, char close) {
    o.kind = ParsedOperand::Kind::vector;
    if (lexer_.accept(close)) return;
    do o.items.push_back(operand());
    while (lexer_.accept(','));
    if (!lexer_.accept(close)) throw std::runtime_error("PTX: unclosed operand list");
  }

  ParsedOperand operand() {
    ParsedOperand o;
    if (lexer_.accept('{')) {
      list(o, '}');
    } else if (in_call_ && lexer_.accept('(')) {
      list(o, ')');
    } else if (lexer_.accept('[')) {
      o.kind = ParsedOperand::Kind::address;
      if (lexer_.peek().kind == Token::Kind::word) {
        o.name = lexer_.next().text;
        o.bits = displacement();
      } else if (at_expression(lexer_)) {
        o.bits = parse_expression(lexer_);
      }
      while (lexer_.accept(',')) o.items.push_back(operand());
      if (!lexer_.accept(']')) throw std::runtime_error("PTX: ']' expected");
    } else if (at_expression(lexer_) || lexer_.peek().kind == Token::Kind::float32 ||
               lexer_.peek().kind == Token::Kind::float64) {
      number(o);
    } else {
      o.negated = lexer_.accept('!');
      const Token t = lexer_.next();
      if (t.kind != Token::Kind::word)
        throw std::runtime_error("PTX: operand expected, not '" + std::string(t.text) + "'");
      if (t.text == "_") {
        o.kind = ParsedOperand::Kind::sink;
      } else {
        o.kind = ParsedOperand::Kind::name;
        o.name = t.text;
        o.bits = displacement();
      }
    }
    if (lexer_.accept('|')) o.second = lexer_.next().text;
    return o;
  }

  std::string_view body_;
  Lexer lexer_;
  std::vector<Statement> statements_;
  SourceLocation location_;
  bool in_call_ = false;  // where parentheses enclose arguments
};

}  // namespace

std::vector<Statement> parse_body(std::string_view body) {
  return BodyParser(body).run();
}

}  // namespace cuemu
