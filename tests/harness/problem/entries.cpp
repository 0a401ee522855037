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
      fail(ErrorCode::invalid_argument, at + 1,
           "no entry begins with `" + std::string(rest.substr(0, 2)) + "`; known are " + known);
    }
    entry->position = at + 1;
    at += entry->key.size();
    if (entry->word) {
      entry->value = 1;
    } else {
      read_number(at, *entry);
    }
  }
}

void Descriptor::read_number(std::size_t& at, Entry& entry) const {
  std::int32_t value = 0;
  const auto [end, error] = std::from_chars(text_.data() + at, text_.data() + text_.size(), value);
  if (error == std::errc::result_out_of_range) {
    fail(ErrorCode::unsupported, at + 1,
         "`" + entry.key + "` is too large; at most " +
             std::to_string(std::numeric_limits<std::int32_t>::max()));
  }
  if (error != std::errc() || value < 0) {
    fail(ErrorCode::invalid_argument, at + 1,
         "`" + entry.key + "` needs a number, 0 or more, right behind it");
  }
  entry.value = value;
  at = static_cast<std::size_t>(end - text_.data());
}

const Entry& Descriptor::operator[](std::string_view key) const {
  return *std::ranges::find(entries_, key, &Entry::key);
}

int Descriptor::at_least_1(std::string_view key) const {
  const Entry& entry = (*this)[key];
  if (entry.value > 0) return static_cast<int>(entry.value);
  malformed(entry, "`" + entry.key + (entry.given() ? "` is 0" : "` is missing") +
                       "; it must be at least 1");
}

int Descriptor::at_least_1_or(int otherwise, std::string_view key) const {
  return (*this)[key].given() ? at_least_1(key) : otherwise;
}

void Descriptor::check_divided_by_groups(std::string_view key) const {
  const Entry& entry = (*this)[key];
  const std::int64_t groups = (*this)["g"].value;
  if (entry.value % groups == 0) return;
  malformed(entry, entry.text() + " counts the channels of all groups and must be a multiple of g" +
                       std::to_string(groups));
}

void Descriptor::set_name(Problem& problem) const {
  problem.name = name_;
  problem.label = name_.empty() ? text_ : name_;
}

void Descriptor::malformed(const Entry& at, const std::string& what) const {
  fail(ErrorCode::invalid_argument, at.given() ? at.position : text_.size() + 1, what);
}

void Descriptor::unsupported(const Entry& at, const std::string& what) const {
  fail(ErrorCode::unsupported, at.given() ? at.position : text_.size() + 1, what);
}

void Descriptor::fail(ErrorCode code, std::size_t position, const std::string& what) const {
  throw Error(code, "descriptor `" + std::string(text_) + "`, character " +
                        std::to_string(position) + ": " + what);
}

}  // namespace foldconv::harness
