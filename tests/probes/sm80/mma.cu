// SPDX-License-Identifier: MIT
// mma.sync, one for each warp, with fragments that the host made.
#include "sm80/kernels.hpp"

namespace foldconv::probes {
namespace {

struct Fragments {
  std::uint32_t a[4], b[2], c[4];
};

#define MMA(name, instruction)                                                                     \
  struct name {                                                                                    \
    static __device__ __forceinline__ void run(std::uint32_t (&d)[4], const Fragments& f) {        \
      asm volatile("mma.sync.aligned." instruction                                                 \
                   " {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%10, %11, %12, %13};"          \
                   : "=r"(d[0]), "=r"(d[1]), "=r"(d[2]), "=r"(d[3])                                \
                   : "r"(f.a[0]), "r"(f.a[1]), "r"(f.a[2]), "r"(f.a[3]), "r"(f.b[0]), "r"(f.b[1]), \
                     "r"(f.c[0]), "r"(f.c[1]), "r"(f.c[2]), "r"(f.c[3]));                          \
    }                                                                                              \
  }
MMA(F16, "m16n8k16.row.col.f32.f16.f16.f32");
MMA(Bf16, "m16n8k16.row.col.f32.bf16.bf16.f32");
MMA(Tf32, "m16n8k8.row.col.f32.tf32.tf32.f32");
MMA(S8, "m16n8k32.row.col.s32.s8.s8.s32");
#undef MMA

template <class Mma>
__global__ void mma_kernel(const std::uint32_t* a, const std::uint32_t* b, const std::uint32_t* c,
                           std::uint32_t* d) {
  const unsigned thread = blockIdx.x * 32 + threadIdx.x;
  Fragments f;
  for (int i = 0; i < 4; ++i) f.a[i] = a[4 * thread + i];
  for (int i = 0; i < 2; ++i) f.b[i] = b[2 * thread + i];
  for (int i = 0; i < 4; ++i) f.c[i] = c[4 * thread + i];
  std::uint32_t sums[4];
  Mma::run(sums, f);
  for (int i = 0; i < 4; ++i) d[4 * thread + i] = sums[i];
}

}  // namespace

cudaError_t launch_mma(MmaType type, int warps, const std::uint32_t* a, const std::uint32_t* b,
                       const std::uint32_t* c, std::uint32_t* d) {
  const auto blocks = static_cast<unsigned>(warps);
  switch (type) {
    case MmaType::f16:
      mma_kernel<F16><<<blocks, 32>>>(a, b, c, d);
      break;
    case MmaType::bf16:
      mma_kernel<Bf16><<<blocks, 32>>>(a, b, c, d);
      break;
    case MmaType::tf32:
      mma_kernel<Tf32><<<blocks, 32>>>(a, b, c, d);
      break;
    case MmaType::s8:
      mma_kernel<S8><<<blocks, 32>>>(a, b, c, d);
      break;
  }
  return cudaGetLastError();
}

}  // namespace foldconv::probes
