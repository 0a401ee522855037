// SPDX-License-Identifier: MIT
// Files as bytes.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace foldconv::harness {

// The content of a regular file. Throws Error (invalid_argument), naming it: none, or one above 8 GB.
std::string read_file(const std::filesystem::path& file);

// The file is there whole, under its name, or as it was before. Throws Error (invalid_argument), naming it.
void write_file(const std::filesystem::path& file, std::string_view content);

// A folder of files that come with this program: beside it, or where `install` puts it.
std::filesystem::path shipped(const std::string& folder);

}  // namespace foldconv::harness
