// SPDX-License-Identifier: MIT
// The larger ones of two pairs of 16-bit values, NaN if one is (sm_80). PTX ISA, "max", modifier .NaN.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstdint>

namespace foldconv::ptx {

template <class Element>
__device__ __forceinline__ std::uint32_t max_nan_pair(std::uint32_t a, std::uint32_t b);

template <>
__device__ __forceinline__ std::uint32_t max_nan_pair<__half>(std::uint32_t a, std::uint32_t b) {
  std::uint32_t result;
  asm("max.NaN.f16x2 %0, %1, %2;\n" : "=r"(result) : "r"(a), "r"(b));
  return result;
}

template <>
__device__ __forceinline__ std::uint32_t max_nan_pair<__nv_bfloat16>(std::uint32_t a,
                                                                     std::uint32_t b) {
  std::uint32_t result;
  asm("max.NaN.bf16x2 %0, %1, %2;\n" : "=r"(result) : "r"(a), "r"(b));
  return result;
}

}  // namespace foldconv::ptx
