// SPDX-License-Identifier: MIT
// Tensor maps: how a tensor lies in memory, and which box of it a copy moves to or from shared memory. The driver makes
// them of descriptions, of any address; a launch sets its own in a copy.
#pragma once

#include <cuda.h>

#include <array>
#include <cstdint>

#include "foldconv/status.hpp"
#include "foldconv/tensor.hpp"

namespace foldconv::host {

// As the driver takes it; dimensions innermost first. Fill is zero, nothing is interleaved.
struct TensorMapSpec {
  DataType dtype = DataType::f16;  // f16 or bf16
  std::uint32_t rank = 0;
  std::array<std::uint64_t, 5> dims = {};
  std::array<std::uint64_t, 4> strides = {};  // bytes, of dimension i + 1
  CUtensorMapSwizzle swizzle = CU_TENSOR_MAP_SWIZZLE_NONE;

  // Tiled: a box. Im2col: `pixels` pixels of `channels` channels, from bounding boxes that `lower` and `upper`, w first,
  // place in each image, with steps of element_strides.
  bool im2col = false;
  std::array<std::uint32_t, 5> box = {};
  std::array<std::uint32_t, 5> element_strides = {1, 1, 1, 1, 1};
  std::array<int, 3> lower = {}, upper = {};
  std::uint32_t channels = 0, pixels = 0;
};

// The driver's functions, found through the runtime: libcuda is not linked.
struct TensorMapCalls {
  decltype(&cuTensorMapEncodeTiled) encode_tiled = nullptr;
  decltype(&cuTensorMapEncodeIm2col) encode_im2col = nullptr;
  decltype(&cuTensorMapReplaceAddress) replace_address = nullptr;

  // Errors: cuda_error, unsupported (the driver has none of them).
  static Result<TensorMapCalls> load();

  // Errors: cuda_error: the driver refuses the description. `what` names the tensor.
  Status encode(const TensorMapSpec& spec, const void* address, const char* what,
                CUtensorMap& map) const;
  Status set_address(CUtensorMap& map, const void* address) const;
};

}  // namespace foldconv::host
