// SPDX-License-Identifier: MIT
// Files as bytes.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "harness/error.hpp"

namespace foldconv::harness {

// The content of a regular file. Throws Error (invalid_argument), naming it: none, or one above 8 GB.
std::string read_file(const std::filesystem::path& file);

// A file that can be made but not be written to its end: a full disk, say.
class WriteError : public Error {
 public:
  using Error::Error;
};

// The file is there whole, under its name, or as it was before. Throws Error (invalid_argument), naming it; a
// WriteError where only its content is in the way.
void write_file(const std::filesystem::path& file, std::string_view content);

// A folder of files that come with this program: beside it, or where `install` puts it.
std::filesystem::path shipped(const std::string& folder);

}  // namespace foldconv::harness
