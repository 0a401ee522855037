// SPDX-License-Identifier: MIT
// A tensor in global memory whose elements name themselves, a tensor map of it, and a model of what
// TMA does with it.
#pragma once

#include <cuda.h>

#include <array>
#include <cstdint>
#include <vector>

#include "probe/probe.hpp"

namespace foldconv::probes {

using Bytes = std::vector<std::uint8_t>;
using Dims = std::array<int, 5>;

struct TensorSpec {
  CUtensorMapDataType type = CU_TENSOR_MAP_DATA_TYPE_UINT16;
  int element_bytes = 2;
  int rank = 2;
  Dims dims = {1, 1, 1, 1, 1};  // innermost first
  Dims box = {1, 1, 1, 1, 1};   // tiled
  Dims strides = {1, 1, 1, 1, 1};
  CUtensorMapInterleave interleave = CU_TENSOR_MAP_INTERLEAVE_NONE;
  CUtensorMapSwizzle swizzle = CU_TENSOR_MAP_SWIZZLE_NONE;
  CUtensorMapFloatOOBfill fill = CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE;
  // im2col: w, h, d
  std::array<int, 3> lower = {0, 0, 0}, upper = {0, 0, 0};
  int channels = 0, pixels = 0;

  // Of a row: the inner dimension, rounded up to 16 bytes.
  std::size_t pitch() const;
  std::size_t bytes() const;
  std::size_t offset(const Dims& coordinates) const;  // in bytes, of an element inside
  bool inside(const Dims& coordinates) const;
};

// Element i (by its place in memory) holds i + 1, cut to its bytes.
Bytes numbered_tensor(const TensorSpec& spec);

// Throw where the driver refuses.
CUtensorMap encode_tiled(const TensorSpec& spec, void* address);
CUtensorMap encode_im2col(const TensorSpec& spec, void* address);

// The elements that a copy touches, in the order in which they lie in shared memory: global
// coordinates.
std::vector<Dims> tiled_elements(const TensorSpec& spec, const Dims& corner);
std::vector<Dims> im2col_elements(const TensorSpec& spec, const Dims& corner,
                                  const std::array<std::uint16_t, 3>& offsets);

// The place of byte `offset` of a copy that starts at a 1024-byte boundary + `start`.
std::size_t swizzled(std::size_t start, std::size_t offset, CUtensorMapSwizzle swizzle);

Words to_words(const Bytes& bytes);

}  // namespace foldconv::probes
