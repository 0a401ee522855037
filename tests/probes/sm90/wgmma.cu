// SPDX-License-Identifier: MIT
// One wgmma: both operands from an image of shared memory that the host made, or A from registers;
// accumulators from and to global memory. All knowledge of layouts lies on the host.
#include "sm90/kernels.hpp"
#include "sm90/ptx.cuh"
#include "sm90/wgmma_registers.cuh"

namespace foldconv::probes {
namespace {

// Register i of thread t lies at word 128 * i + t; %0 is the address of word t.
#define LOAD_ONE(j, i) "ld.global.b32 d" #j "_" #i ", [%0 + " #j "*2048 + " #i "*512];\n"
#define LOAD(j) LOAD_ONE(j, 0) LOAD_ONE(j, 1) LOAD_ONE(j, 2) LOAD_ONE(j, 3)
#define STORE_ONE(j, i) "st.global.b32 [%0 + " #j "*2048 + " #i "*512], d" #j "_" #i ";\n"
#define STORE(j) STORE_ONE(j, 0) STORE_ONE(j, 1) STORE_ONE(j, 2) STORE_ONE(j, 3)

#define TURNS_1(x) x
#define TURNS_4(x) x x x x
#define TURNS_32(x) TURNS_4(TURNS_4(x)) TURNS_4(TURNS_4(x))

// `operands` are A and B, `immediates` what follows scale-d: "" or ", 1, 1" and the like. More
// turns than one, in one group, are for timing. No loop: ptxas would add fences to it.
#define WGMMA(n, turns, instruction, operands, immediates) \
  "{\n.reg .pred accumulate;\n.reg .b64 from, to;\n" EACH(n, DECLARE) EACH(n, LOAD)          \
  "setp.ne.u32 accumulate, %3, 0;\nmov.u64 from, %%clock64;\nwgmma.fence.sync.aligned;\n"    \
  TURNS_##turns("wgmma.mma_async.sync.aligned.m64n" #n instruction " {" NAMES(0)             \
                REST_##n(MORE_NAMES) "}, " operands ", accumulate" immediates ";\n")         \
  "wgmma.commit_group.sync.aligned;\nwgmma.wait_group.sync.aligned 0;\n"                     \
  "mov.u64 to, %%clock64;\nsub.u64 %1, to, from;\n" EACH(n, STORE) "}"

#define RUN(n, turns, instruction, operands, immediates)                                     \
  asm volatile(WGMMA(n, turns, instruction, operands, immediates)                            \
               : "+l"(d), "=l"(cycles)                                                       \
               : "l"(b), "r"(accumulate), "l"(a), "r"(f[0]), "r"(f[1]), "r"(f[2]), "r"(f[3]) \
               : "memory")

struct Operands {
  std::uint64_t a, b;      // descriptors
  const std::uint32_t* f;  // A's fragment, where it is in registers
  std::uint32_t accumulate;
};

// A struct for each instruction; its run() is the asm.
#define INSTRUCTION(name, n, turns, instruction, operands, immediates)                         \
  struct name {                                                                                \
    static __device__ __forceinline__ std::uint64_t run(std::uint32_t* d, const Operands& o) { \
      const std::uint64_t a = o.a, b = o.b;                                                    \
      const std::uint32_t accumulate = o.accumulate;                                           \
      const std::uint32_t f[4] = {o.f[0], o.f[1], o.f[2], o.f[3]};                             \
      std::uint64_t cycles;                                                                    \
      RUN(n, turns, instruction, operands, immediates);                                        \
      return cycles;                                                                           \
    }                                                                                          \
  };
#define SHARED "%4, %2"
#define REGISTERS "{%5, %6, %7, %8}, %2"
#define FOLDCONV_WGMMA(type, n, source, trans_a, trans_b, turns, suffix, operands, immediates) \
  INSTRUCTION(Wgmma_##type##_##n##_##source##_##trans_a##trans_b##_##turns, n, turns, suffix,  \
              operands, immediates)
#include "sm90/wgmma.inc"
#undef FOLDCONV_WGMMA

template <class Instruction>
__global__ void __launch_bounds__(128) wgmma_kernel(WgmmaArguments p) {
  extern __shared__ unsigned char memory[];
  auto* image = reinterpret_cast<std::uint32_t*>(ptx::align_1024(memory));
  for (unsigned i = threadIdx.x; i < p.image_words; i += 128) image[i] = p.image[i];
  ptx::fence_proxy_async();
  __syncthreads();
  std::uint32_t fragment[4];
  for (int i = 0; i < 4; ++i) fragment[i] = p.a_fragments[128 * i + threadIdx.x];
  const std::uint64_t start = ptx::shared_address(image) >> 4;
  const Operands operands{p.descriptor_a + start, p.descriptor_b + start, fragment, p.accumulate};
  const std::uint64_t cycles = Instruction::run(p.d + threadIdx.x, operands);
  if (threadIdx.x == 0) *p.cycles = cycles;
}

struct Entry {
  WgmmaKey key;
  void (*kernel)(WgmmaArguments);
};

constexpr Entry kEntries[] = {
#define FOLDCONV_WGMMA(type, n, source, trans_a, trans_b, turns, suffix, operands, immediates) \
  {{WgmmaType::type, n, WgmmaSource::source, trans_a, trans_b, turns},                         \
   wgmma_kernel<Wgmma_##type##_##n##_##source##_##trans_a##trans_b##_##turns>},
#include "sm90/wgmma.inc"
#undef FOLDCONV_WGMMA
};

bool same(const WgmmaKey& a, const WgmmaKey& b) {
  return a.type == b.type && a.n == b.n && a.source == b.source && a.trans_a == b.trans_a &&
         a.trans_b == b.trans_b && a.turns == b.turns;
}

}  // namespace

int wgmma_count() {
  return sizeof kEntries / sizeof kEntries[0];
}

WgmmaKey wgmma_key(int index) {
  return kEntries[index].key;
}

cudaError_t launch_wgmma(const WgmmaKey& key, const WgmmaArguments& arguments) {
  constexpr int kSharedBytes = kWgmmaImageBytes + 1024;
  for (const Entry& entry : kEntries) {
    if (!same(entry.key, key)) continue;
    const cudaError_t status = cudaFuncSetAttribute(
        entry.kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, kSharedBytes);
    if (status != cudaSuccess) return status;
    entry.kernel<<<1, 128, kSharedBytes>>>(arguments);
    return cudaGetLastError();
  }
  return cudaErrorInvalidDeviceFunction;
}

}  // namespace foldconv::probes
