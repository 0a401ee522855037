// SPDX-License-Identifier: MIT
// How descriptors are written, whatever they describe: entries of a key and a number, or of a key
// alone, with `_` between them or not, and at the end n with a name. Errors name the character,
// counted from 1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "harness/problem/problem.hpp"

namespace foldconv::harness {

// A number of the descriptor and where its key stands; position 0: not given.
struct Entry {
  std::int64_t value = 0;
  std::size_t position = 0;

  bool given() const { return position != 0; }
};

// The entry that a text begins with, and the length of its key; null: none. A word has no number
// behind it; given, its value is 1.
struct Key {
  Entry* entry = nullptr;
  std::size_t length = 0;
  bool word = false;
};

// Fills in the entries that `find_key` names and returns the descriptor's name, without its quotes.
// A repeated key: the last one counts. `known` lists the keys for the error message.
std::string read_entries(std::string_view text, const std::string& known,
                         const std::function<Key(std::string_view rest)>& find_key);

// Throws, saying whether the entry is missing or 0.
void check_at_least_1(const Entry& entry, const std::string& key, std::string_view text);

// Throw Error (invalid_argument, unsupported) at a character of the descriptor.
[[noreturn]] void malformed(std::string_view text, std::size_t position, const std::string& what);
[[noreturn]] void unsupported(std::string_view text, std::size_t position, const std::string& what);

std::string quoted(std::string_view text);  // `text`

// descriptor_of() for either kind.
std::string layer_descriptor(const ConvProblem& problem);
std::string block_descriptor(const Problem& problem);

}  // namespace foldconv::harness
