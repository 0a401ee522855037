// SPDX-License-Identifier: MIT
// The grammar of descriptors, whatever they describe: entries of a key and a number, or of a key
// alone, with `_` between them or not, and at the end n with a name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/problem/problem.hpp"

namespace foldconv::harness {

// What a key may stand for, and then what the descriptor says.
struct Entry {
  std::string key;
  std::int64_t value = 0;    // where it is not given
  bool word = false;         // no number behind the key; given, its value is 1
  std::size_t position = 0;  // of its key, counted from 1; 0: not given

  bool given() const { return position != 0; }
  std::string text() const { return "`" + key + (word ? "" : std::to_string(value)) + "`"; }
};

class Descriptor {
 public:
  // A repeated key: the last one counts. Of two keys that begin alike the longer one comes first in
  // `entries`. `known` lists them for the error message.
  Descriptor(std::string_view text, std::vector<Entry> entries, const std::string& known);

  const Entry& operator[](std::string_view key) const;
  // Throws where it is 0, or is missing and nothing stands for it.
  int at_least_1(std::string_view key, std::optional<int> otherwise = {}) const;
  // Throws unless the groups, g, divide it.
  void check_divided_by_groups(std::string_view key) const;
  // A problem's name, without its quotes, and its label.
  void set_name(Problem& problem) const;

  // Throws Error that names the character, counted from 1, of the entry, or of the end where it is
  // not given.
  [[noreturn]] void fail(const Entry& at, const std::string& what,
                         ErrorCode code = ErrorCode::invalid_argument) const;

 private:
  std::string_view text_;
  std::vector<Entry> entries_;
  std::string name_;
};

// descriptor_of() for a layer.
std::string layer_descriptor(const ConvProblem& problem);

}  // namespace foldconv::harness
