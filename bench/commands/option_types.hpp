// SPDX-License-Identifier: MIT
// Options of CLI11 with values of types of ours.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <type_traits>
#include <vector>

#include "harness/error.hpp"
#include "harness/words.hpp"

namespace foldconv::tool {

template <class T>
CLI::Option* add(CLI::App& command, const std::string& option, T& value, const char* type,
                 const std::string& help) {
  return command.add_option(option, value, help)->type_name(type);
}

// An option that `parse` turns into a value; the Error it throws is the usage error.
template <class T, class Parse>
CLI::Option* add_parsed(CLI::App& command, const std::string& option, T& value, const char* type,
                        Parse parse, const std::string& help) {
  const auto parse_or_refuse = [option, &value, parse](const std::string& text) {
    try {
      value = parse(text);
    } catch (const harness::Error& error) {
      throw CLI::ValidationError(option, error.what());
    }
  };
  return command.add_option_function<std::string>(option, parse_or_refuse, help)->type_name(type);
}

// One of these words, as what it stands for: its place among them, or itself.
template <class T>
auto one_of(const std::string& what, const std::vector<std::string>& words) {
  return [what, words](const std::string& text) -> T {
    for (std::size_t at = 0; at < words.size(); ++at) {
      if (words[at] != text) continue;
      if constexpr (std::is_enum_v<T>)
        return static_cast<T>(at);
      else
        return text;
    }
    throw harness::Error(ErrorCode::invalid_argument,
                         "unknown " + what + " \"" + text + "\"; known are " +
                             harness::joined(words) + harness::did_you_mean(text, words));
  };
}

// What the library parses; what it refuses may have been meant as one of these words.
template <class T>
auto meant_as(Result<T> (*parse)(std::string_view), const std::vector<std::string>& words) {
  return [parse, words](const std::string& text) -> T {
    Result<T> value = parse(text);
    if (value) return *std::move(value);
    throw harness::Error(ErrorCode::invalid_argument,
                         value.status().message() + harness::did_you_mean(text, words));
  };
}

}  // namespace foldconv::tool
