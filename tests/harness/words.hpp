// SPDX-License-Identifier: MIT
// Lists of words; words that are known, and one that is not.
#pragma once

#include <string>
#include <vector>

namespace foldconv::harness {

std::string joined(const std::vector<std::string>& words);  // "f16, bf16, f32"

// What stands between the commas; of "" nothing. Throws Error where there is a comma too many.
std::vector<std::string> words_between_commas(const std::string& list);

// Of the known words the one that was meant: with the fewest letters changed, left out, added or swapped, whatever
// their case, up to a third of them; else the first that begins with `word`. "": none is near.
std::string nearest(const std::string& word, const std::vector<std::string>& known);

// "; did you mean bench?", to end a message; "": none is near.
std::string did_you_mean(const std::string& word, const std::vector<std::string>& known);

}  // namespace foldconv::harness
