// SPDX-License-Identifier: MIT
#include "harness/problem/entries.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

#include "harness/error.hpp"

namespace foldconv::harness {

Descriptor::Descriptor(std::string_view text, std::vector<Entry> entries, const std::string& known)
    : text_(text), entries_(std::move(entries)) {
  for (std::size_t at = 0; at < text.size();) {
    const std::string_view rest = text.substr(at);
    if (rest.front() == '_') {
      ++at;
      continue;
    }
    if (rest.front() == 'n') {
      name_ = rest.substr(1);
      if (name_.starts_with('"')) name_.erase(0, 1);
      if (name_.ends_with('"')) name_.pop_back();
      return;
    }
    const auto entry = std::ranges::find_if(
        entries_, [rest](const Entry& one) { return rest.starts_with(one.key); });
    if (entry == entries_.end()) {
      fail({.key = "", .position = at + 1},
           "no entry begins with `" + std::string(rest.substr(0, 2)) + "`; known are " + known);
    }
    entry->position = at + 1;
    entry->value = 1;
    at += entry->key.size();
    if (entry->word) continue;
    std::int32_t value = 0;
    const auto [end, error] = std::from_chars(text.data() + at, text.data() + text.size(), value);
    const Entry number{.key = "", .position = at + 1};
    if (error == std::errc::result_out_of_range) {
      fail(number,
           "`" + entry->key + "` is too large; at most " +
               std::to_string(std::numeric_limits<std::int32_t>::max()),
           ErrorCode::unsupported);
    }
    if (error != std::errc() || value < 0) {
      fail(number, "`" + entry->key + "` needs a number, 0 or more, right behind it");
    }
    entry->value = value;
    at = static_cast<std::size_t>(end - text.data());
  }
}

const Entry& Descriptor::operator[](std::string_view key) const {
  return *std::ranges::find(entries_, key, &Entry::key);
}

int Descriptor::at_least_1(std::string_view key, std::optional<int> otherwise) const {
  const Entry& entry = (*this)[key];
  if (otherwise && !entry.given()) return *otherwise;
  if (entry.value > 0) return static_cast<int>(entry.value);
  fail(entry,
       "`" + entry.key + (entry.given() ? "` is 0" : "` is missing") + "; it must be at least 1");
}

void Descriptor::check_divided_by_groups(std::string_view key) const {
  const Entry& entry = (*this)[key];
  const std::int64_t groups = (*this)["g"].value;
  if (entry.value % groups == 0) return;
  fail(entry, entry.text() + " counts the channels of all groups and must be a multiple of g" +
                  std::to_string(groups));
}

void Descriptor::set_name(Problem& problem) const {
  problem.name = name_;
  problem.label = name_.empty() ? text_ : name_;
}

void Descriptor::fail(const Entry& at, const std::string& what, ErrorCode code) const {
  const std::size_t position = at.given() ? at.position : text_.size() + 1;
  throw Error(code, "descriptor `" + std::string(text_) + "`, character " +
                        std::to_string(position) + ": " + what);
}

}  // namespace foldconv::harness
