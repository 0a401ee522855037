// SPDX-License-Identifier: MIT
#include "harness/problem/entries.hpp"

#include <charconv>
#include <limits>

#include "harness/error.hpp"

namespace foldconv::harness {
namespace {

[[noreturn]] void error_at(ErrorCode code, std::string_view text, std::size_t position,
                           const std::string& what) {
  throw Error(code, "descriptor `" + std::string(text) + "`, character " +
                        std::to_string(position) + ": " + what);
}

std::string unquoted(std::string_view name) {
  if (name.starts_with('"')) name.remove_prefix(1);
  if (name.ends_with('"')) name.remove_suffix(1);
  return std::string(name);
}

}  // namespace

void malformed(std::string_view text, std::size_t position, const std::string& what) {
  error_at(ErrorCode::invalid_argument, text, position, what);
}

void unsupported(std::string_view text, std::size_t position, const std::string& what) {
  error_at(ErrorCode::unsupported, text, position, what);
}

std::string quoted(std::string_view text) {
  return "`" + std::string(text) + "`";
}

std::string read_entries(std::string_view text, const std::string& known,
                         const std::function<Key(std::string_view rest)>& find_key) {
  std::size_t at = 0;
  while (at < text.size()) {
    if (text[at] == '_') {
      ++at;
      continue;
    }
    if (text[at] == 'n') return unquoted(text.substr(at + 1));
    const Key key = find_key(text.substr(at));
    if (key.entry == nullptr) {
      malformed(text, at + 1,
                "no entry begins with " + quoted(text.substr(at, 2)) + "; known are " + known);
    }
    if (key.word) {
      *key.entry = {1, at + 1};
      at += key.length;
      continue;
    }
    const std::string name = quoted(text.substr(at, key.length));
    const char* first = text.data() + at + key.length;
    const char* last = text.data() + text.size();
    std::int32_t value = 0;
    const auto [end, error] = std::from_chars(first, last, value);
    const std::size_t number_position = at + key.length + 1;
    if (error == std::errc::result_out_of_range) {
      unsupported(text, number_position,
                  name + " is too large; at most " +
                      std::to_string(std::numeric_limits<std::int32_t>::max()));
    }
    if (error != std::errc() || value < 0) {
      malformed(text, number_position, name + " needs a number, 0 or more, right behind it");
    }
    *key.entry = {value, at + 1};
    at = static_cast<std::size_t>(end - text.data());
  }
  return std::string();
}

void check_at_least_1(const Entry& entry, const std::string& key, std::string_view text) {
  if (entry.value > 0) return;
  malformed(text, entry.given() ? entry.position : text.size() + 1,
            quoted(key) + (entry.given() ? " is 0" : " is missing") + "; it must be at least 1");
}

}  // namespace foldconv::harness
