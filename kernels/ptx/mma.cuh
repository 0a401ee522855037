// SPDX-License-Identifier: MIT
// mma.sync m16n8k16 with 16-bit operands and fp32 accumulators. PTX ISA, "mma.m16n8k16".
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstdint>

namespace foldconv::ptx {

// d += a * b. a: 16x16 row-major fragment, b: 16x8 column-major fragment, d: 16x8; `upper` is row
// lane / 4, columns 2 * (lane % 4) and the next; `lower` the same columns of row lane / 4 + 8.
template <class Element>
__device__ __forceinline__ void mma_m16n8k16(float2& upper, float2& lower,
                                             const std::uint32_t (&a)[4], std::uint32_t b0,
                                             std::uint32_t b1);

template <>
__device__ __forceinline__ void mma_m16n8k16<__half>(float2& upper, float2& lower,
                                                     const std::uint32_t (&a)[4], std::uint32_t b0,
                                                     std::uint32_t b1) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, "
      "%9}, "
      "{%0, %1, %2, %3};\n"
      : "+f"(upper.x), "+f"(upper.y), "+f"(lower.x), "+f"(lower.y)
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

template <>
__device__ __forceinline__ void mma_m16n8k16<__nv_bfloat16>(float2& upper, float2& lower,
                                                            const std::uint32_t (&a)[4],
                                                            std::uint32_t b0, std::uint32_t b1) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
      "{%8, %9}, "
      "{%0, %1, %2, %3};\n"
      : "+f"(upper.x), "+f"(upper.y), "+f"(lower.x), "+f"(lower.y)
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

}  // namespace foldconv::ptx
