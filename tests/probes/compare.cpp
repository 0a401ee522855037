// SPDX-License-Identifier: MIT
#include "compare.hpp"

#include <algorithm>
#include <cstdlib>
#include <ostream>

namespace foldconv::probes {
namespace {

struct Difference {
  std::size_t count = 0, first = 0;
};

Difference find_difference(const Words& a, const Words& b) {
  Difference difference;
  const std::size_t common = std::min(a.size(), b.size());
  for (std::size_t i = 0; i < common; ++i) {
    if (a[i] == b[i]) continue;
    if (difference.count++ == 0) difference.first = i;
  }
  if (difference.count == 0) difference.first = common;
  difference.count += std::max(a.size(), b.size()) - common;
  return difference;
}

// Position of a float among all floats in order, so that neighbours differ by 1.
std::int64_t float_position(std::uint32_t word) {
  const std::int64_t magnitude = word & 0x7fffffff;
  return (word >> 31) != 0 ? -magnitude : magnitude;
}

std::int64_t largest_distance(const Words& a, const Words& b) {
  std::int64_t largest = 0;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    largest = std::max(largest, std::abs(float_position(a[i]) - float_position(b[i])));
  }
  return largest;
}

void print_word(std::ostream& out, const Words& words, std::size_t index) {
  if (index >= words.size()) {
    out << "none";
    return;
  }
  out << "0x" << std::hex << words[index] << std::dec;
}

void print_difference(std::ostream& out, const Outcome& a, const Outcome& b,
                      const Difference& difference) {
  out << a.name << ": " << difference.count << " of "
      << std::max(a.result.words.size(), b.result.words.size()) << " words differ, first word "
      << difference.first << ": ";
  print_word(out, a.result.words, difference.first);
  out << " and ";
  print_word(out, b.result.words, difference.first);
}

bool failed(const Outcome& outcome) {
  return outcome.status.starts_with("failed");
}

void compare_outcomes(const Outcome& a, const Outcome& b, std::ostream& out, Comparison& total) {
  if (failed(a) || failed(b)) {
    ++total.different;
    out << "different: " << a.name << ": " << a.status << " and " << b.status << '\n';
    return;
  }
  if (!a.ok() || !b.ok()) {
    ++total.not_compared;
    return;
  }
  const Difference difference = find_difference(a.result.words, b.result.words);
  if (difference.count == 0) {
    ++total.same;
    return;
  }
  const bool same_size = a.result.words.size() == b.result.words.size();
  if (a.kind == Kind::approximate && same_size) {
    ++total.may_differ;
    out << "approximate: ";
    print_difference(out, a, b, difference);
    out << "; at most " << largest_distance(a.result.words, b.result.words)
        << " units of the last place\n";
  } else if (a.kind == Kind::tensor_core_rounding && same_size) {
    ++total.may_differ;
    out << "tensor core rounding, known to differ possibly: ";
    print_difference(out, a, b, difference);
    out << '\n';
  } else {
    ++total.different;
    out << "different: ";
    print_difference(out, a, b, difference);
    out << '\n';
  }
}

}  // namespace

std::size_t differing_words(const Words& a, const Words& b) {
  return find_difference(a, b).count;
}

Comparison compare(const Results& a, const Results& b, std::ostream& out) {
  Comparison total;
  std::size_t found = 0;
  for (const Outcome& outcome : a.outcomes) {
    const auto other = std::ranges::find(b.outcomes, outcome.name, &Outcome::name);
    if (other == b.outcomes.end()) {
      ++total.not_compared;
      continue;
    }
    ++found;
    compare_outcomes(outcome, *other, out, total);
  }
  total.not_compared += static_cast<int>(b.outcomes.size() - found);
  out << total.same << " same, " << total.different << " different, " << total.may_differ
      << " within what may differ, " << total.not_compared << " not compared\n";
  return total;
}

}  // namespace foldconv::probes
