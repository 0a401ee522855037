// SPDX-License-Identifier: MIT
// How fast wgmma is when a second warpgroup multiplies, and when the copy engine writes to shared memory meanwhile.
// Zeros times zeros: clocks, not watts.
#include "sm90/kernels.hpp"
#include "sm90/ptx.cuh"
#include "sm90/wgmma_registers.cuh"

namespace foldconv::probes {
namespace {

constexpr int kRingStages = 6, kMostGroups = 2;
constexpr std::uint32_t kABytes = 64 * 128, kBBytes = 256 * 128;
constexpr std::uint32_t kRingAt = kMostGroups * kABytes + kBBytes;
constexpr std::uint32_t kBesideSharedBytes = kRingAt + kRingStages * kCopyBoxBytes + 1024;

#define CLEAR_ONE(j, i) "mov.b32 d" #j "_" #i ", 0;\n"
#define CLEAR(j) CLEAR_ONE(j, 0) CLEAR_ONE(j, 1) CLEAR_ONE(j, 2) CLEAR_ONE(j, 3)
#define MULTIPLY(n, operands, immediates)                             \
  "wgmma.mma_async.sync.aligned.m64n" #n "k16.f32.f16.f16 {" NAMES(0) \
      REST_##n(MORE_NAMES) "}, " operands ", accumulate" immediates ";\n"
#define NEXT(steps) "add.u64 a, %3, " #steps ";\nadd.u64 b, %4, " #steps ";\n"

// A main loop as a convolution has: 64 channels, that is four instructions, a group, and one group behind.
#define LOOP(n, operands, immediates) \
  asm volatile(                                                                              \
      "{\n.reg .pred accumulate, more;\n.reg .b64 from, to, a, b;\n.reg .b32 left;\n"        \
      EACH(n, DECLARE) EACH(n, CLEAR)                                                        \
      "mov.u32 left, %2;\nsetp.ne.u32 accumulate, left, 0;\nmov.u64 from, %%clock64;\n"      \
      "LOOP:\nwgmma.fence.sync.aligned;\n"                                                   \
      NEXT(0) MULTIPLY(n, operands, immediates) NEXT(2) MULTIPLY(n, operands, immediates)    \
      NEXT(4) MULTIPLY(n, operands, immediates) NEXT(6) MULTIPLY(n, operands, immediates)    \
      "wgmma.commit_group.sync.aligned;\nwgmma.wait_group.sync.aligned 1;\n"                 \
      "sub.u32 left, left, 1;\nsetp.ne.u32 more, left, 0;\n@more bra LOOP;\n"                \
      "wgmma.wait_group.sync.aligned 0;\nmov.u64 to, %%clock64;\nsub.u64 %0, to, from;\n"    \
      "mov.b32 %1, d0_0;\n}"                                                                 \
      : "=l"(cycles), "=r"(sum)                                                              \
      : "r"(blocks), "l"(a), "l"(b), "r"(f[0]), "r"(f[1]), "r"(f[2]), "r"(f[3])              \
      : "memory")

template <int kN, bool kRegisters>
__device__ std::uint64_t multiply(std::uint64_t a, std::uint64_t b, const std::uint32_t (&f)[4],
                                  std::uint32_t blocks, std::uint32_t* sum_of_all) {
  std::uint64_t cycles = 0;
  std::uint32_t sum = 0;
  if constexpr (kN == 64 && !kRegisters) LOOP(64, "a, b", ", 1, 1, 0, 0");
  if constexpr (kN == 128 && !kRegisters) LOOP(128, "a, b", ", 1, 1, 0, 0");
  if constexpr (kN == 256 && !kRegisters) LOOP(256, "a, b", ", 1, 1, 0, 0");
  if constexpr (kN == 64 && kRegisters) LOOP(64, "{%5, %6, %7, %8}, b", ", 1, 1, 0");
  if constexpr (kN == 128 && kRegisters) LOOP(128, "{%5, %6, %7, %8}, b", ", 1, 1, 0");
  if constexpr (kN == 256 && kRegisters) LOOP(256, "{%5, %6, %7, %8}, b", ", 1, 1, 0");
  *sum_of_all = sum;
  return cycles;
}

// K-major, 128-byte swizzle: rows in eights, 1024 bytes apart.
__device__ std::uint64_t descriptor(std::uint32_t address) {
  return address >> 4 | std::uint64_t{64} << 32 | std::uint64_t{1} << 62;
}

// Keeps all stages on their way until `done` completes. How many copies have landed by then.
__device__ std::uint32_t copy_until_done(const CUtensorMap* map, std::uint32_t ring,
                                         std::uint32_t full, std::uint32_t done, bool* landed) {
  const int origin[5] = {};
  const auto issue = [&](std::uint32_t stage) {
    ptx::mbarrier_arrive_expect_tx(full + 8 * stage, kCopyBoxBytes);
    ptx::tensor_load<2>(ring + stage * kCopyBoxBytes, map, origin, full + 8 * stage);
  };
  for (std::uint32_t stage = 0; stage < kRingStages; ++stage) issue(stage);
  std::uint32_t count = 0, stage = 0, parity = 0, more = kRingStages;
  *landed = true;
  while (more > 0) {
    *landed = ptx::wait_bounded(full + 8 * stage, parity) && *landed;
    if (!*landed) break;
    const bool over = ptx::mbarrier_test_parity(done, 0);
    if (over) {
      --more;  // those still on their way land before the CTA ends
    } else {
      ++count;
      issue(stage);
    }
    if (++stage == kRingStages) stage = 0, parity ^= 1;
  }
  return count;
}

template <int kN, bool kRegisters>
__global__ void __launch_bounds__(128 * kMostGroups + 32)
    beside_kernel(const __grid_constant__ CUtensorMap map, BesideArguments p) {
  extern __shared__ unsigned char memory[];
  __shared__ alignas(8) std::uint64_t full_bits[kRingStages], done_bits;
  auto* const words = reinterpret_cast<std::uint32_t*>(ptx::align_1024(memory));
  const std::uint32_t start = ptx::shared_address(words);
  const std::uint32_t full = ptx::shared_address(full_bits), done = ptx::shared_address(&done_bits);
  for (unsigned i = threadIdx.x; i < kRingAt / 4; i += blockDim.x) words[i] = 0;
  ptx::fence_proxy_async();
  if (threadIdx.x == 0) {
    for (std::uint32_t stage = 0; stage < kRingStages; ++stage)
      ptx::mbarrier_init(full + 8 * stage, 1);
    ptx::mbarrier_init(done, 128 * static_cast<std::uint32_t>(p.groups));
    ptx::fence_mbarrier_init();
  }
  __syncthreads();
  const int group = static_cast<int>(threadIdx.x) / 128;
  if (group < p.groups) {
    const std::uint64_t a = descriptor(start + static_cast<std::uint32_t>(group) * kABytes);
    const std::uint64_t b = descriptor(start + kMostGroups * kABytes);
    std::uint32_t sum, fragment[4];
    // Read, not written here: ptxas serialises products of constants in registers.
    for (unsigned i = 0; i < 4; ++i) fragment[i] = words[4 * threadIdx.x + i];
    const std::uint64_t cycles = multiply<kN, kRegisters>(a, b, fragment, p.blocks, &sum);
    ptx::mbarrier_arrive(done, 1);
    if (threadIdx.x % 128 == 0) {
      p.out[2 * group] = static_cast<std::uint32_t>(cycles);
      p.out[2 * group + 1] = sum;
    }
  } else if (threadIdx.x % 32 == 0) {
    bool landed = true;
    p.out[4] = p.copies ? copy_until_done(&map, start + kRingAt, full, done, &landed) : 0;
    p.out[5] = landed;
  }
}

struct BesideEntry {
  int n;
  bool registers;
  void (*kernel)(CUtensorMap, BesideArguments);
};
constexpr BesideEntry kBesideEntries[] = {
    {64, false, beside_kernel<64, false>},   {64, true, beside_kernel<64, true>},
    {128, false, beside_kernel<128, false>}, {128, true, beside_kernel<128, true>},
    {256, false, beside_kernel<256, false>}, {256, true, beside_kernel<256, true>}};

}  // namespace

cudaError_t launch_wgmma_beside_copies(int n, bool registers, const CUtensorMap& map,
                                       const BesideArguments& arguments) {
  for (const BesideEntry& entry : kBesideEntries) {
    if (entry.n != n || entry.registers != registers) continue;
    const cudaError_t status = cudaFuncSetAttribute(
        entry.kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, kBesideSharedBytes);
    if (status != cudaSuccess) return status;
    entry.kernel<<<1, static_cast<unsigned>(128 * arguments.groups + 32), kBesideSharedBytes>>>(
        map, arguments);
    return cudaGetLastError();
  }
  return cudaErrorInvalidDeviceFunction;
}

}  // namespace foldconv::probes
