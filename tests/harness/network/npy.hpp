// SPDX-License-Identifier: MIT
// Tensors in NumPy's format, version 1.0, as numpy.save() writes them:
//
//   "\x93NUMPY" 1 0   then 2 bytes: the length of the header, little-endian
//   header            {'descr': '<f4', 'fortran_order': False, 'shape': (1, 3, 4), }  spaces  line end
//   data              row-major, little-endian
//
// (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html)
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "foldconv/graph.hpp"
#include "harness/error.hpp"

namespace foldconv::harness {

// numpy.float32, float16, int64, uint8.
enum class NpyType { f4, f2, i8, u1 };
std::size_t size_of(NpyType type);

struct Npy {
  NpyType type = NpyType::f4;
  Extents extents = {};   // none: one number
  std::string data = {};  // as in the file
};

Npy make_npy(Extents extents, std::span<const float> values);

// The values: exact, but for integers beyond 2^24, which are rounded.
std::vector<float> floats_of(const Npy& array);

// Throws Error (invalid_argument), naming the file: no file of this format; another version, type or byte order;
// columns first; data of another size than the shape says.
Npy read_npy(const std::filesystem::path& file);
// Of a file's content; `name` stands for the file.
Npy parse_npy(std::string_view content, const std::string& name);

// The file is there whole or not at all. Throws Error (invalid_argument): it cannot be written.
void write_npy(const std::filesystem::path& file, const Npy& array);

}  // namespace foldconv::harness
