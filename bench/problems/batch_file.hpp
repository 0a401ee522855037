// Lists of problems: benchdnn's batch files.
//
// Words separated by white space: descriptors and options. A word that begins with # hides the rest
// of its line; one that ends in \ goes on in the next word. Of benchdnn's options a file may use
//   --batch=FILE  read another file here (beside this one, or one of the shipped lists)
//   --block=D     foldconv's own: a residual block or stage, D as in block_descriptor.hpp
//   --mb=N        images of the problems that follow, 0: what each descriptor says
//   --dir=FWD_*   forward; problems under another direction are skipped, with a note
//   --reset       back to the defaults
// Other options say how oneDNN should store or compute something; they are noted and ignored.
// Problems that benchdnn takes and foldconv does not (3-D ones) are skipped, with a note.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "problems/block_descriptor.hpp"
#include "problems/descriptor.hpp"

namespace foldconv::tool {

struct ProblemList {
  std::vector<BlockDescriptor> blocks;
  std::vector<Descriptor> problems;
  std::vector<std::string> notes;  // what was ignored or skipped, one line each
};

// Appends the problems of a batch file. `file` is a path, or the name of a list in `shipped`
// (with or without .txt). Errors (invalid_argument) name file and line.
Status read_batch_file(const std::string& file, const std::filesystem::path& shipped,
                       ProblemList& list);

// The folder of the shipped lists: beside this program, or where `install` puts it.
std::filesystem::path shipped_lists();

}  // namespace foldconv::tool
