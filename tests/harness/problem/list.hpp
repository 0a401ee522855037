// SPDX-License-Identifier: MIT
// Lists of problems: benchdnn's batch files.
//
// Words separated by white space: descriptors and options. A word that begins with # hides the rest
// of its line; one that ends in \ goes on in the next word. Of benchdnn's options a file may use
//   --batch=FILE  read another file here (beside this one, or one of the shipped lists)
//   --block=D     foldconv's own: a residual block or stage, D as in text.hpp
//   --mb=N        images of the problems that follow, 0: what each descriptor says
//   --dir=FWD_*   forward; problems under another direction are skipped, with a note
//   --reset       back to the defaults
// Other options say how oneDNN should store or compute something; they are noted and ignored.
// Problems that benchdnn takes and foldconv does not (3-D ones) are skipped, with a note.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "harness/problem/problem.hpp"

namespace foldconv::harness {

struct ProblemList {
  std::vector<Problem> problems;   // without data
  std::vector<std::string> notes;  // what was ignored or skipped, one line each
};

// Appends the problems of a batch file. `file` is a path, or the name of a list in `shipped`
// (with or without .txt). Throws Error (invalid_argument), naming file and line.
void read_list(const std::string& file, const std::filesystem::path& shipped, ProblemList& list);

// The folder of the shipped lists; and their names, sorted.
std::filesystem::path shipped_lists();
std::vector<std::string> list_names(const std::filesystem::path& folder);

// "1,8,32". Throws Error (invalid_argument): no number, one below 1 or above 31 bits; says which.
std::vector<int> parse_batch_sizes(const std::string& text);

// Each problem once for each size, sizes of a problem side by side. Of several sizes the label says
// which. No sizes: the list stays as it is.
void at_batch_sizes(const std::vector<int>& sizes, std::vector<Problem>& problems);

}  // namespace foldconv::harness
