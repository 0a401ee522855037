// SPDX-License-Identifier: MIT
// Finds the functions and variables of a module without parsing the functions' bodies.
#include <stdexcept>

#include "syntax.hpp"

namespace cuemu {

void parse_declaration(Lexer& lexer, Declaration& d) {
  while (lexer.peek().kind == Token::Kind::word && lexer.peek().text[0] == '.') {
    const std::string_view word = lexer.next().text.substr(1);
    if (word == "align") {
      d.align = static_cast<uint32_t>(lexer.next().bits);
    } else if (word == "v2" || word == "v4") {
      d.vector_width = word == "v2" ? 2 : 4;
    } else if (Type t = parse_type(word); t != Type::none) {
      d.type = t;
    }
    // .ptr, .space and .attribute(...) say nothing about the layout.
    if (word == "attribute") lexer.skip_past(')');
  }
  d.name = lexer.next().text;
  d.family = -1;
  d.elements = 1;
  d.unsized = false;
  d.initialiser = {};
  if (lexer.accept('<')) {
    d.family = static_cast<int>(lexer.next().bits);
    lexer.accept('>');
  }
  while (lexer.accept('[')) {
    if (lexer.accept(']')) {
      d.unsized = true;
    } else {
      d.elements *= lexer.next().bits;
      lexer.accept(']');
    }
  }
  if (d.align < bytes_of(d.type)) d.align = bytes_of(d.type) * d.vector_width;
  if (lexer.accept('=')) {
    const char* start = lexer.peek().text.data();
    int depth = 0;
    while (lexer.peek().kind != Token::Kind::end) {
      const Token& t = lexer.peek();
      if (depth == 0 && (t.is(';') || t.is(','))) break;
      if (t.is('{') || t.is('(')) ++depth;
      if (t.is('}') || t.is(')')) --depth;
      lexer.next();
    }
    d.initialiser = {start, static_cast<size_t>(lexer.peek().text.data() - start)};
  }
}

namespace {

std::vector<Declaration> parameter_list(Lexer& lexer) {
  std::vector<Declaration> list;
  if (!lexer.accept('(')) return list;
  while (lexer.peek().is(".param") || lexer.peek().is(".reg")) {
    Declaration d;
    d.kind = lexer.next().text == ".reg" ? Declaration::Kind::reg : Declaration::Kind::param;
    parse_declaration(lexer, d);
    list.push_back(d);
    if (!lexer.accept(',')) break;
  }
  lexer.skip_past(')');
  return list;
}

// Of a directive, up to three dimensions; 1 for those left out.
std::array<uint32_t, 3> extent(Lexer& lexer) {
  std::array<uint32_t, 3> size = {1, 1, 1};
  size_t dimension = 0;
  do {
    const auto value = static_cast<uint32_t>(lexer.next().bits);
    if (dimension < size.size()) size[dimension++] = value;
  } while (lexer.accept(','));
  return size;
}

void read_function(Lexer& lexer, ModuleIndex& index, bool entry) {
  Function f;
  f.entry = entry;
  if (!entry) f.results = parameter_list(lexer);
  f.name = lexer.next().text;
  f.parameters = parameter_list(lexer);
  while (lexer.peek().kind != Token::Kind::end && !lexer.peek().is('{') && !lexer.peek().is(';')) {
    const std::string_view word = lexer.next().text;
    if (word == ".maxntid" || word == ".reqntid") {
      const std::array<uint32_t, 3> block = extent(lexer);
      f.max_threads = block[0] * block[1] * block[2];
    } else if (word == ".reqnctapercluster") {
      f.required_cluster = extent(lexer);
    } else if (word == ".maxclusterrank") {
      f.max_cluster_rank = static_cast<uint32_t>(lexer.next().bits);
    } else if (word == ".explicitcluster") {
      f.explicit_cluster = true;
    }
    f.bounds_registers |= word == ".maxntid" || word == ".reqntid" || word == ".maxnreg" ||
                          word == ".minnctapersm" || word == ".maxnctapersm";
  }
  if (lexer.peek().is('{')) {
    f.body = lexer.skip_braces();
  } else {
    f.external = true;
    lexer.accept(';');
  }
  Function& known = index.functions[f.name];
  if (known.body.empty()) known = std::move(f);
}

}  // namespace

ModuleIndex index_module(std::string_view ptx) {
  ModuleIndex index;
  Lexer lexer(ptx);
  if (!lexer.peek().is(".version")) throw std::runtime_error("not PTX: no .version");
  bool external = false;
  while (lexer.peek().kind != Token::Kind::end) {
    const Token t = lexer.next();
    if (t.is(".extern")) {
      external = true;
      continue;
    }
    if (t.is(".target")) {
      index.target = lexer.next().text;
    } else if (t.is(".entry") || t.is(".func")) {
      read_function(lexer, index, t.is(".entry"));
    } else if (t.is(".global") || t.is(".const") || t.is(".shared")) {
      Declaration d;
      d.kind = t.is(".global")  ? Declaration::Kind::global
               : t.is(".const") ? Declaration::Kind::constant
                                : Declaration::Kind::shared;
      d.external = external;
      do {
        parse_declaration(lexer, d);
        index.variables.push_back(d);
      } while (lexer.accept(','));
      lexer.accept(';');
    } else if (t.is(".file")) {
      const auto number = static_cast<uint32_t>(lexer.next().bits);
      const std::string_view quoted = lexer.next().text;
      if (quoted.size() >= 2) index.files[number] = quoted.substr(1, quoted.size() - 2);
    } else if (t.is(".section")) {
      lexer.next();
      lexer.skip_braces();
      external = false;
      continue;
    } else if (t.is(".visible") || t.is(".weak") || t.is(".common")) {
      continue;
    }
    external = false;
  }
  return index;
}

}  // namespace cuemu
