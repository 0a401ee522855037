// SPDX-License-Identifier: MIT
#include "harness/words.hpp"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <sstream>

#include "harness/error.hpp"

namespace foldconv::harness {
namespace {

std::string in_lower_case(std::string word) {
  std::ranges::transform(word, word.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return word;
}

// Of Damerau and Levenshtein, no letter edited twice.
std::size_t edit_distance(const std::string& a, const std::string& b) {
  const std::size_t width = b.size() + 1;
  std::vector<std::size_t> table((a.size() + 1) * width);
  const auto at = [&](std::size_t i, std::size_t j) -> std::size_t& {
    return table[i * width + j];
  };
  for (std::size_t i = 0; i <= a.size(); ++i) at(i, 0) = i;
  for (std::size_t j = 0; j <= b.size(); ++j) at(0, j) = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      at(i, j) = std::min({at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        at(i, j) = std::min(at(i, j), at(i - 2, j - 2) + 1);
      }
    }
  }
  return at(a.size(), b.size());
}

}  // namespace

std::vector<std::string> words_between_commas(const std::string& list) {
  std::vector<std::string> words;
  if (list.empty()) return words;
  std::istringstream parts(list + ",");
  for (std::string part; std::getline(parts, part, ',');) {
    if (part.empty()) {
      throw Error(ErrorCode::invalid_argument, "\"" + list + "\" has a comma too many; write A,B");
    }
    words.push_back(part);
  }
  return words;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

std::string nearest(const std::string& word, const std::vector<std::string>& known) {
  constexpr std::size_t kLongest = 256;  // of a word that may be one of ours
  if (word.empty() || word.size() > kLongest) return "";
  const std::string lower = in_lower_case(word);
  std::string best, beginning;
  std::size_t least = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (const std::string& other : known) {
    const std::string other_lower = in_lower_case(other);
    if (beginning.empty() && other_lower.starts_with(lower)) beginning = other;
    if (const std::size_t distance = edit_distance(lower, other_lower); distance < least) {
      least = distance;
      best = other;
    }
  }
  return best.empty() ? beginning : best;
}

std::string did_you_mean(const std::string& word, const std::vector<std::string>& known) {
  const std::string meant = nearest(word, known);
  return meant.empty() ? "" : "; did you mean " + meant + "?";
}

}  // namespace foldconv::harness
