// SPDX-License-Identifier: MIT
// Products of two pairs of 16-bit numbers, each rounded once, to nearest even. PTX ISA, "mul" and "fma" of half precision.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstdint>

namespace foldconv::ptx {

// The bits of the product in fp32, which is exact, rounded to the type.
template <class Element>
__device__ __forceinline__ std::uint32_t multiply_pair(std::uint32_t a, std::uint32_t b);

template <>
__device__ __forceinline__ std::uint32_t multiply_pair<__half>(std::uint32_t a, std::uint32_t b) {
  std::uint32_t product;
  asm("mul.rn.f16x2 %0, %1, %2;\n" : "=r"(product) : "r"(a), "r"(b));
  return product;
}

// sm_80 has no mul.bf16x2: the product minus zero, which leaves the sign of a zero alone.
template <>
__device__ __forceinline__ std::uint32_t multiply_pair<__nv_bfloat16>(std::uint32_t a,
                                                                      std::uint32_t b) {
  std::uint32_t product;
  asm("fma.rn.bf16x2 %0, %1, %2, %3;\n" : "=r"(product) : "r"(a), "r"(b), "r"(0x80008000u));
  return product;
}

}  // namespace foldconv::ptx
