// SPDX-License-Identifier: MIT
// Committed results: text files of lines "what: value", in the order in which they are computed.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace foldconv::golden {

using Entries = std::vector<std::pair<std::string, std::string>>;

// The entries of a file below tests/golden. Throws std::runtime_error where it cannot be read.
std::map<std::string, std::string> read_golden(const std::string& file);

// Fails the running test for every entry that is new, gone or another than in the file, with both
// values. With FOLDCONV_GOLDEN_WRITE in the environment it writes the file instead, `header` (lines
// of a comment) first, unless the test has failed already.
void expect_golden(const std::string& file, std::string_view header, const Entries& entries);

}  // namespace foldconv::golden
