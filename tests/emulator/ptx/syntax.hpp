// SPDX-License-Identifier: MIT
// What the parser makes of PTX text: declarations, labels, scopes and instructions, names
// unresolved.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "../isa/program.hpp"
#include "../isa/types.hpp"
#include "lexer.hpp"

namespace cuemu {

enum class Space : uint8_t {
  generic,
  global,
  constant,
  shared,
  shared_cluster,
  dynamic_shared,
  local,
  param
};

struct ParsedOperand {
  enum class Kind : uint8_t { name, number, address, vector, sink };
  Kind kind = Kind::sink;
  bool negated = false;     // !p
  std::string_view name;    // register, symbol or label; the base of an address (may be empty)
  std::string_view second;  // q of "p|q"
  Token::Kind number = Token::Kind::integer;
  uint64_t bits = 0;  // the number, or the displacement of an address or symbol
  std::vector<ParsedOperand> items;
};

// A variable, a parameter, or a family of registers (%r<101>).
struct Declaration {
  enum class Kind : uint8_t { reg, param, local, shared, constant, global };
  Kind kind = Kind::reg;
  Type type = Type::none;
  unsigned vector_width = 1;
  uint32_t align = 1;
  std::string_view name;
  int family = -1;  // count of %r<count>, -1 for a single name
  uint64_t elements = 1;
  bool unsized = false;  // extern .shared x[]
  bool external = false;
  std::string_view initialiser;

  uint64_t bytes() const { return unsized ? 0 : elements * vector_width * bytes_of(type); }
};

struct Statement {
  enum class Kind : uint8_t { instruction, label, open_scope, close_scope, declaration, targets };
  Kind kind = Kind::instruction;
  bool guard_negated = false;
  std::string_view guard;   // predicate register, may be empty
  std::string_view opcode;  // or the label's name
  std::string_view text;    // as written, for messages
  std::vector<ParsedOperand> operands;
  Declaration declaration;
  SourceLocation location;
};

struct Function {
  std::string_view name;
  bool entry = false;
  bool external = false;
  std::vector<Declaration> results, parameters;
  uint32_t max_threads = 1024;
  bool bounds_registers = false;
  std::array<uint32_t, 3> required_cluster{};  // 0: none
  uint32_t max_cluster_rank = 0;               // 0: none
  bool explicit_cluster = false;
  std::string_view body;  // from '{' to '}'; empty for a declaration
};

// The index of a module: bodies are not parsed yet.
struct ModuleIndex {
  std::unordered_map<std::string_view, Function> functions;
  std::vector<Declaration> variables;
  std::unordered_map<uint32_t, std::string> files;
  std::string target;
};

// Throws std::runtime_error when the text does not start like PTX.
ModuleIndex index_module(std::string_view ptx);

std::vector<Statement> parse_body(std::string_view body);

// Shared by the two: reads from behind ".shared" and the like up to ';', ',' or ')', not consuming
// it.
void parse_declaration(Lexer& lexer, Declaration& declaration);

}  // namespace cuemu
