// SPDX-License-Identifier: MIT
/// @file
/// Element types, shapes and the alignment rule that every tensor obeys.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "foldconv/status.hpp"

namespace foldconv {

/// How tensor elements are stored. Products and sums are fp32 for all of them.
enum class DataType : std::uint8_t {
  f16,   ///< IEEE binary16; tensor cores
  bf16,  ///< bfloat16; tensor cores
  f32,   ///< IEEE binary32; strict fp32 arithmetic (never TF32), reference kernel
};

/// Bytes per element; 0 for a value outside the enum.
FOLDCONV_API std::size_t size_of(DataType dtype) noexcept;
/// "f16", "bf16", "f32"; "unknown" outside the enum.
FOLDCONV_API const char* to_string(DataType dtype) noexcept;
/// What to_string() writes. Errors: invalid_argument.
FOLDCONV_API Result<DataType> parse_data_type(std::string_view name);

/// `value` rounded once, to nearest even, to what `dtype` can hold. Overflow gives infinity, as the
/// hardware does.
FOLDCONV_API float round_to(DataType dtype, double value) noexcept;

/// An activation tensor: NHWC, dense, channels innermost. Sizes count elements.
struct Shape {
  int n = 0, h = 0, w = 0, c = 0;

  std::int64_t elements() const noexcept { return std::int64_t{n} * h * w * c; }
  friend bool operator==(const Shape&, const Shape&) = default;
};

/// Every device pointer given to foldconv (x, residual, y, workspace) is a multiple of this many
/// bytes. Pointers from cudaMalloc are (they are multiples of 256).
inline constexpr std::size_t kAlignmentBytes = 16;

}  // namespace foldconv
