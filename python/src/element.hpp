// SPDX-License-Identifier: MIT
// Elements of the arrays that go in and come out.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "foldconv/graph.hpp"
#include "foldconv/pixels.hpp"
#include "foldconv/tensor.hpp"

namespace foldconv::python {

// One name and size for each; what formats and DLPack call it.
struct Element {
  const char* name;   // "f16", as everywhere in foldconv
  std::size_t bytes;  //
  const char* numpy;  // NumPy's name; for bf16, which NumPy lacks, f32's: host arrays are converted
  char format;        // of the buffer protocol; of bf16 f32's
  std::uint8_t dlpack;  // DLPack's type code
};
inline constexpr Element kU8 = {"u8", 1, "uint8", 'B', 1};
inline constexpr Element kF16 = {"f16", 2, "float16", 'e', 2};
inline constexpr Element kBF16 = {"bf16", 2, "float32", 'f', 4};
inline constexpr Element kF32 = {"f32", 4, "float32", 'f', 2};
inline constexpr std::array<const Element*, 4> kElements = {&kU8, &kF16, &kBF16, &kF32};

inline const Element& element_of(DataType dtype) {
  return dtype == DataType::f16 ? kF16 : dtype == DataType::bf16 ? kBF16 : kF32;
}
inline const Element& element_of(PixelType type) {
  return type == PixelType::u8 ? kU8 : type == PixelType::f16 ? kF16 : kF32;
}

// "8x3x224x224"; "scalar" without extents.
std::string shown(std::span<const std::int64_t> extents);
std::size_t elements_of(std::span<const std::int64_t> extents);

// f32 to bf16, rounded to nearest even, and back.
void to_bf16(const float* from, std::size_t count, std::uint16_t* to);
void from_bf16(const std::uint16_t* from, std::size_t count, float* to);

}  // namespace foldconv::python
