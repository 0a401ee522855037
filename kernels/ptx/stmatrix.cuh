// SPDX-License-Identifier: MIT
// stmatrix: mma fragments of 16-bit elements to 8x8 matrices in shared memory (sm_90). PTX ISA, "stmatrix".
#pragma once

#include <cstdint>

namespace foldconv::ptx {

// Stores four 8x8 matrices. Lane l gives the address of row l % 8 of matrix l / 8 (16 bytes, 16-byte aligned);
// fragment[i] of a lane is elements (l / 4, 2 * (l % 4)) and the next one of matrix i.
__device__ __forceinline__ void store_matrix_x4(std::uint32_t address,
                                                const std::uint32_t (&fragment)[4]) {
  asm volatile("stmatrix.sync.aligned.m8n8.x4.shared.b16 [%0], {%1, %2, %3, %4};\n" ::"r"(address),
               "r"(fragment[0]), "r"(fragment[1]), "r"(fragment[2]), "r"(fragment[3])
               : "memory");
}

// Two; the addresses of lanes 0 to 15 count.
__device__ __forceinline__ void store_matrix_x2(std::uint32_t address, std::uint32_t first,
                                                std::uint32_t second) {
  asm volatile("stmatrix.sync.aligned.m8n8.x2.shared.b16 [%0], {%1, %2};\n" ::"r"(address),
               "r"(first), "r"(second)
               : "memory");
}

}  // namespace foldconv::ptx
