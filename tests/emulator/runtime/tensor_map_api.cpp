// SPDX-License-Identifier: MIT
// cuTensorMapEncodeTiled, cuTensorMapEncodeIm2col and cuTensorMapReplaceAddress, which programs get through
// cudaGetDriverEntryPoint. They refuse what the comments of cuda.h forbid. Where these leave something open (strides shorter
// than what they step over, an address of 0, channels that make no whole 16 bytes) the map is made.
#include "tensor_map_api.hpp"

#include <cuda.h>

#include <cstring>
#include <optional>

#include "../sim/tensor_map.hpp"
#include "device_model.hpp"

namespace cuemu::runtime {
namespace {

struct ElementType {
  Type type = Type::none;
  bool converts = false;
};

// The packed types of 4 and 6 bits are of compute capability 10.0.
std::optional<ElementType> element_type(CUtensorMapDataType type) {
  switch (type) {
    case CU_TENSOR_MAP_DATA_TYPE_UINT8:
      return ElementType{Type::u8};
    case CU_TENSOR_MAP_DATA_TYPE_UINT16:
      return ElementType{Type::u16};
    case CU_TENSOR_MAP_DATA_TYPE_UINT32:
      return ElementType{Type::u32};
    case CU_TENSOR_MAP_DATA_TYPE_INT32:
      return ElementType{Type::s32};
    case CU_TENSOR_MAP_DATA_TYPE_UINT64:
      return ElementType{Type::u64};
    case CU_TENSOR_MAP_DATA_TYPE_INT64:
      return ElementType{Type::s64};
    case CU_TENSOR_MAP_DATA_TYPE_FLOAT16:
      return ElementType{Type::f16};
    case CU_TENSOR_MAP_DATA_TYPE_FLOAT32:
      return ElementType{Type::f32};
    case CU_TENSOR_MAP_DATA_TYPE_FLOAT64:
      return ElementType{Type::f64};
    case CU_TENSOR_MAP_DATA_TYPE_BFLOAT16:
      return ElementType{Type::bf16};
    case CU_TENSOR_MAP_DATA_TYPE_FLOAT32_FTZ:
      return ElementType{Type::f32, true};
    case CU_TENSOR_MAP_DATA_TYPE_TFLOAT32:
    case CU_TENSOR_MAP_DATA_TYPE_TFLOAT32_FTZ:
      return ElementType{Type::tf32, true};
    default:
      return std::nullopt;
  }
}

// What both kinds of map have in common. Swizzles of atoms wider than 16 bytes are of compute capability 10.0.
struct Common {
  CUtensorMapDataType type;
  cuuint32_t rank;
  void* address;
  const cuuint64_t *dims, *strides;
  const cuuint32_t* steps;
  CUtensorMapInterleave interleave;
  CUtensorMapSwizzle swizzle;
  CUtensorMapL2promotion promotion;
  CUtensorMapFloatOOBfill fill;
};

// These enumerations begin at 0.
template <class Enum>
bool is_one_of(Enum value, Enum last) {
  return static_cast<unsigned>(value) <= static_cast<unsigned>(last);
}

uint64_t alignment_of(unsigned interleave) {
  return interleave == 32 ? 32 : 16;
}

bool fill_shape(TensorMap& map, const Common& c) {
  const uint64_t alignment = alignment_of(map.interleave);
  for (unsigned i = 0; i < c.rank; ++i) {
    if (c.dims[i] == 0 || c.dims[i] > uint64_t{1} << 32) return false;
    map.last[i] = static_cast<uint32_t>(c.dims[i] - 1);
    map.steps[i] = 1;
    if (i == 0 && map.interleave == 0) continue;
    if (c.steps[i] == 0 || c.steps[i] > 8) return false;
    map.steps[i] = static_cast<uint8_t>(c.steps[i]);
  }
  for (unsigned i = 0; i + 1 < c.rank; ++i) {
    if (c.strides[i] % alignment != 0 || c.strides[i] >= uint64_t{1} << 40) return false;
    map.strides[i] = c.strides[i];
  }
  return true;
}

// All but the box. False: the driver refuses it.
bool fill_common(TensorMap& map, const Common& c) {
  if (device_model().major < 9) return false;
  const std::optional<ElementType> element = element_type(c.type);
  if (!element || c.dims == nullptr || c.steps == nullptr) return false;
  if (c.strides == nullptr && c.rank > 1) return false;
  map.element = element->type;
  map.converts = element->converts;
  map.rank = static_cast<uint8_t>(c.rank);

  if (!is_one_of(c.interleave, CU_TENSOR_MAP_INTERLEAVE_32B)) return false;
  if (c.interleave != CU_TENSOR_MAP_INTERLEAVE_NONE && c.rank < 3) return false;
  map.interleave = c.interleave == CU_TENSOR_MAP_INTERLEAVE_NONE  ? 0
                   : c.interleave == CU_TENSOR_MAP_INTERLEAVE_16B ? 16
                                                                  : 32;
  if (!is_one_of(c.swizzle, CU_TENSOR_MAP_SWIZZLE_128B)) return false;
  if (c.interleave == CU_TENSOR_MAP_INTERLEAVE_32B && c.swizzle != CU_TENSOR_MAP_SWIZZLE_32B)
    return false;
  map.swizzle = static_cast<uint8_t>((1u << c.swizzle) - 1);
  if (!is_one_of(c.promotion, CU_TENSOR_MAP_L2_PROMOTION_L2_256B)) return false;
  map.l2_promotion = static_cast<uint8_t>(c.promotion);
  if (c.fill != CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE) {
    if (c.fill != CU_TENSOR_MAP_FLOAT_OOB_FILL_NAN_REQUEST_ZERO_FMA || !is_float(map.element))
      return false;
    map.fills_nan = true;
  }
  map.address = reinterpret_cast<uint64_t>(c.address);
  return map.address % alignment_of(map.interleave) == 0 && fill_shape(map, c);
}

// Without interleaving, rows of a swizzled box fit the width within which the swizzle moves bytes.
bool row_fits_swizzle(const TensorMap& map) {
  return map.interleave != 0 || map.swizzle == 0 || map.row_bytes() <= (map.swizzle + 1u) * 16;
}

bool is_place_for_map(const CUtensorMap* map) {
  return map != nullptr && reinterpret_cast<uintptr_t>(map) % 64 == 0;
}

CUresult hand_out(CUtensorMap* to, const TensorMap& map) {
  std::memcpy(to, &map, sizeof map);
  return CUDA_SUCCESS;
}

CUresult encode_tiled(CUtensorMap* to, CUtensorMapDataType type, cuuint32_t rank, void* address,
                      const cuuint64_t* dims, const cuuint64_t* strides, const cuuint32_t* box,
                      const cuuint32_t* steps, CUtensorMapInterleave interleave,
                      CUtensorMapSwizzle swizzle, CUtensorMapL2promotion promotion,
                      CUtensorMapFloatOOBfill fill) {
  TensorMap map;
  if (!is_place_for_map(to) || box == nullptr || rank < 1 || rank > 5)
    return CUDA_ERROR_INVALID_VALUE;
  if (!fill_common(
          map, {type, rank, address, dims, strides, steps, interleave, swizzle, promotion, fill}))
    return CUDA_ERROR_INVALID_VALUE;
  for (unsigned i = 0; i < rank; ++i) {
    if (box[i] == 0 || box[i] > 256) return CUDA_ERROR_INVALID_VALUE;
    map.box[i] = static_cast<uint16_t>(box[i]);
  }
  if (map.interleave == 0 && map.row_bytes() % 16 != 0) return CUDA_ERROR_INVALID_VALUE;
  if (!row_fits_swizzle(map)) return CUDA_ERROR_INVALID_VALUE;
  return hand_out(to, map);
}

// The corners of the box, w first: CUTLASS passes them so, where cuda.h's comment says {D, H, W}.
bool fill_corners(TensorMap& map, const int* lower, const int* upper) {
  const unsigned spatial = map.rank - 2u;
  const int limit = spatial == 1 ? 1 << 15 : spatial == 2 ? 1 << 7 : 1 << 4;
  for (unsigned i = 0; i < spatial; ++i) {
    for (const int corner : {lower[i], upper[i]})
      if (corner < -limit || corner >= limit) return false;
    if (int64_t{lower[i]} > int64_t{map.last[i + 1]} + upper[i]) return false;  // an empty box
    map.lower[i] = static_cast<int16_t>(lower[i]);
    map.upper[i] = static_cast<int16_t>(upper[i]);
  }
  return true;
}

CUresult encode_im2col(CUtensorMap* to, CUtensorMapDataType type, cuuint32_t rank, void* address,
                       const cuuint64_t* dims, const cuuint64_t* strides, const int* lower,
                       const int* upper, cuuint32_t channels, cuuint32_t pixels,
                       const cuuint32_t* steps, CUtensorMapInterleave interleave,
                       CUtensorMapSwizzle swizzle, CUtensorMapL2promotion promotion,
                       CUtensorMapFloatOOBfill fill) {
  TensorMap map;
  map.mode = TensorMap::Mode::im2col;
  if (!is_place_for_map(to) || lower == nullptr || upper == nullptr || rank < 3 || rank > 5)
    return CUDA_ERROR_INVALID_VALUE;
  if (!fill_common(
          map, {type, rank, address, dims, strides, steps, interleave, swizzle, promotion, fill}))
    return CUDA_ERROR_INVALID_VALUE;
  if (channels == 0 || channels > 256 || pixels == 0 || pixels > 1024)
    return CUDA_ERROR_INVALID_VALUE;
  map.channels = static_cast<uint16_t>(channels);
  map.pixels = static_cast<uint16_t>(pixels);
  if (!fill_corners(map, lower, upper) || !row_fits_swizzle(map)) return CUDA_ERROR_INVALID_VALUE;
  return hand_out(to, map);
}

CUresult replace_address(CUtensorMap* to, void* address) {
  if (!is_place_for_map(to)) return CUDA_ERROR_INVALID_VALUE;
  TensorMap map;
  std::memcpy(static_cast<void*>(&map), to, sizeof map);
  const auto bits = reinterpret_cast<uint64_t>(address);
  if (map.magic != TensorMap::kMagic || bits % alignment_of(map.interleave) != 0)
    return CUDA_ERROR_INVALID_VALUE;
  map.address = bits;
  return hand_out(to, map);
}

}  // namespace

void* find_tensor_map_function(std::string_view name) {
  // Of the driver's own types, so that a program may cast to them.
  static constexpr decltype(&cuTensorMapEncodeTiled) tiled = &encode_tiled;
  static constexpr decltype(&cuTensorMapEncodeIm2col) im2col = &encode_im2col;
  static constexpr decltype(&cuTensorMapReplaceAddress) replace = &replace_address;
  if (name == "cuTensorMapEncodeTiled") return reinterpret_cast<void*>(tiled);
  if (name == "cuTensorMapEncodeIm2col") return reinterpret_cast<void*>(im2col);
  if (name == "cuTensorMapReplaceAddress") return reinterpret_cast<void*>(replace);
  return nullptr;
}

}  // namespace cuemu::runtime
