// SPDX-License-Identifier: MIT
// ldmatrix: 8x8 matrices of 16-bit elements from shared memory into mma fragments. PTX ISA,
// "ldmatrix".
#pragma once

#include <cstdint>

namespace foldconv::ptx {

// Loads four 8x8 matrices. Lane l gives the address of row l % 8 of matrix l / 8 (16 bytes, 16-byte
// aligned); fragment[i] then holds elements (l / 4, 2 * (l % 4)) and the next one of matrix i.
__device__ __forceinline__ void load_matrix_x4(std::uint32_t (&fragment)[4],
                                               std::uint32_t address) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];\n"
               : "=r"(fragment[0]), "=r"(fragment[1]), "=r"(fragment[2]), "=r"(fragment[3])
               : "r"(address)
               : "memory");
}

}  // namespace foldconv::ptx
