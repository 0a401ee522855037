// How descriptors are written, whatever they describe: entries of a key and a number, or of a key
// alone, with `_` between them or not, and at the end n with a name. Errors name the character,
// counted from 1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "foldconv/status.hpp"

namespace foldconv::tool {

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
Result<std::string> read_entries(std::string_view text, const std::string& known,
                                 const std::function<Key(std::string_view rest)>& find_key);

// Where to point when an entry is missing: behind the text.
std::size_t position_of(const Entry& entry, std::string_view text);

// ok, or an error that says whether the entry is missing or 0.
Status check_at_least_1(const Entry& entry, const std::string& key, std::string_view text);

// invalid_argument and unsupported at a character of the descriptor.
Status malformed(std::string_view text, std::size_t position, const std::string& what);
Status unsupported(std::string_view text, std::size_t position, const std::string& what);

std::string quoted(std::string_view text);  // `text`

}  // namespace foldconv::tool
