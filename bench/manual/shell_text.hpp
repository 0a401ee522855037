// SPDX-License-Identifier: MIT
// Text inside of scripts.
#pragma once

#include <string>
#include <vector>

namespace foldconv::tool {

// As one word: 'it'\''s'.
std::string shell_quoted(const std::string& text);
// The words one after the other, each quoted where it must be.
std::string shell_words(const std::vector<std::string>& words);
// The beginning of a help that stands beside a word: whole words, of one line.
std::string brief(const std::string& help);

}  // namespace foldconv::tool
