// SPDX-License-Identifier: MIT
// The kernels of the sm_80 probes, as functions that launch them. Pointers are to device memory.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

namespace foldconv::probes {

// --- mma.cu --- registers by warp, then lane, then register: 4 of A, 2 of B, 4 of C and D.
enum class MmaType { f16, bf16, tf32, s8 };
cudaError_t launch_mma(MmaType type, int warps, const std::uint32_t* a, const std::uint32_t* b,
                       const std::uint32_t* c, std::uint32_t* d);

// --- moves.cu ---
// Lane l gives the address of row l of 32 rows of 4 words; 4 registers of each lane, unused ones 0.
cudaError_t launch_ldmatrix(int matrices, bool transposed, const std::uint32_t* rows,
                            std::uint32_t* out);
// For each source size from 0 to `size` a copy of `size` (4, 8, 16) bytes: 4 words each, poisoned
// before.
inline constexpr std::uint32_t kCopyPoison = 0xa5a5a5a5;
cudaError_t launch_copy_sizes(int size, const std::uint32_t* source, std::uint32_t* out);
// Four groups of a copy each; after wait_group 3, 2, 1, 0: the words of the groups that must have
// landed, else 0.
cudaError_t launch_copy_groups(const std::uint32_t* source,
                               std::uint32_t* out);  // 4 x 4 x 32 words
// 64 rows of 128 bytes to a 128-byte swizzle, then all of shared memory, then ldmatrix.x4 from 16
// rows of it.
cudaError_t launch_swizzled_copy(const std::uint32_t* source,
                                 std::uint32_t* out);  // 2048 + 128 words

// --- arithmetic.cu ---
struct ArithmeticOperation {
  const char* name;
  int operands;
  bool approximate;
};
int arithmetic_count();
ArithmeticOperation arithmetic_operation(int index);
cudaError_t launch_arithmetic(int index, int count, const std::uint32_t* a, const std::uint32_t* b,
                              const std::uint32_t* c, std::uint32_t* out);

}  // namespace foldconv::probes
