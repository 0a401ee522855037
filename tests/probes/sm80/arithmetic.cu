// SPDX-License-Identifier: MIT
// Single instructions on registers, elementwise. Operands are 32 bits each; narrow ones are their
// low bits.
#include "sm80/kernels.hpp"

namespace foldconv::probes {
namespace {

#define UNARY(name, text)                                                                \
  struct name {                                                                          \
    static __device__ std::uint32_t run(std::uint32_t a, std::uint32_t, std::uint32_t) { \
      std::uint32_t d;                                                                   \
      asm volatile(text : "=r"(d) : "r"(a));                                             \
      return d;                                                                          \
    }                                                                                    \
  };
#define BINARY(name, text)                                                                 \
  struct name {                                                                            \
    static __device__ std::uint32_t run(std::uint32_t a, std::uint32_t b, std::uint32_t) { \
      std::uint32_t d;                                                                     \
      asm volatile(text : "=r"(d) : "r"(a), "r"(b));                                       \
      return d;                                                                            \
    }                                                                                      \
  };
#define TERNARY(name, text)                                                                  \
  struct name {                                                                              \
    static __device__ std::uint32_t run(std::uint32_t a, std::uint32_t b, std::uint32_t c) { \
      std::uint32_t d;                                                                       \
      asm volatile(text : "=r"(d) : "r"(a), "r"(b), "r"(c));                                 \
      return d;                                                                              \
    }                                                                                        \
  };
#define NARROW(instruction) "{\n.reg .b16 h;\n" instruction " h, %1;\nmov.b32 %0, {h, 0};\n}"
#define WIDEN(instruction) "{\n.reg .b16 h, z;\nmov.b32 {h, z}, %1;\n" instruction " %0, h;\n}"

// X(kind, name, approximate, text)
#define OPERATIONS(X)                                                          \
  X(UNARY, cvt_rn_f16_f32, false, NARROW("cvt.rn.f16.f32"))                    \
  X(UNARY, cvt_rz_f16_f32, false, NARROW("cvt.rz.f16.f32"))                    \
  X(UNARY, cvt_rn_bf16_f32, false, NARROW("cvt.rn.bf16.f32"))                  \
  X(BINARY, cvt_rn_f16x2_f32, false, "cvt.rn.f16x2.f32 %0, %1, %2;")           \
  X(BINARY, cvt_rn_relu_f16x2_f32, false, "cvt.rn.relu.f16x2.f32 %0, %1, %2;") \
  X(BINARY, cvt_rn_bf16x2_f32, false, "cvt.rn.bf16x2.f32 %0, %1, %2;")         \
  X(UNARY, cvt_f32_f16, false, WIDEN("cvt.f32.f16"))                           \
  X(UNARY, cvt_rna_tf32_f32, false, "cvt.rna.tf32.f32 %0, %1;")                \
  X(UNARY, cvt_rzi_s32_f32, false, "cvt.rzi.s32.f32 %0, %1;")                  \
  X(UNARY, cvt_rn_f32_s32, false, "cvt.rn.f32.s32 %0, %1;")                    \
  X(BINARY, min_f32, false, "min.f32 %0, %1, %2;")                             \
  X(BINARY, max_f32, false, "max.f32 %0, %1, %2;")                             \
  X(BINARY, min_nan_f32, false, "min.NaN.f32 %0, %1, %2;")                     \
  X(BINARY, max_nan_f32, false, "max.NaN.f32 %0, %1, %2;")                     \
  X(BINARY, max_nan_f16x2, false, "max.NaN.f16x2 %0, %1, %2;")                 \
  X(BINARY, add_rn_f32, false, "add.rn.f32 %0, %1, %2;")                       \
  X(BINARY, mul_rn_f32, false, "mul.rn.f32 %0, %1, %2;")                       \
  X(BINARY, mul_rn_ftz_f32, false, "mul.rn.ftz.f32 %0, %1, %2;")               \
  X(TERNARY, fma_rn_f32, false, "fma.rn.f32 %0, %1, %2, %3;")                  \
  X(TERNARY, fma_rn_f16x2, false, "fma.rn.f16x2 %0, %1, %2, %3;")              \
  X(TERNARY, fma_rn_bf16x2, false, "fma.rn.bf16x2 %0, %1, %2, %3;")            \
  X(BINARY, div_rn_f32, false, "div.rn.f32 %0, %1, %2;")                       \
  X(UNARY, sqrt_rn_f32, false, "sqrt.rn.f32 %0, %1;")                          \
  X(UNARY, ex2_approx_f32, true, "ex2.approx.f32 %0, %1;")                     \
  X(UNARY, ex2_approx_ftz_f32, true, "ex2.approx.ftz.f32 %0, %1;")             \
  X(UNARY, rcp_approx_ftz_f32, true, "rcp.approx.ftz.f32 %0, %1;")             \
  X(UNARY, rsqrt_approx_f32, true, "rsqrt.approx.f32 %0, %1;")                 \
  X(UNARY, lg2_approx_f32, true, "lg2.approx.f32 %0, %1;")                     \
  X(UNARY, tanh_approx_f32, true, "tanh.approx.f32 %0, %1;")

#define DEFINE(kind, name, approximate, text) kind(name, text)
OPERATIONS(DEFINE)
#undef DEFINE

template <class Operation>
__global__ void arithmetic_kernel(int count, const std::uint32_t* a, const std::uint32_t* b,
                                  const std::uint32_t* c, std::uint32_t* out) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < count) out[i] = Operation::run(a[i], b[i], c[i]);
}

struct Entry {
  ArithmeticOperation operation;
  void (*kernel)(int, const std::uint32_t*, const std::uint32_t*, const std::uint32_t*,
                 std::uint32_t*);
};

constexpr int kOperandsOfUNARY = 1, kOperandsOfBINARY = 2, kOperandsOfTERNARY = 3;
constexpr Entry kEntries[] = {
#define LIST(kind, name, approximate, text) \
  {{#name, kOperandsOf##kind, approximate}, arithmetic_kernel<name>},
    OPERATIONS(LIST)
#undef LIST
};

}  // namespace

int arithmetic_count() {
  return sizeof kEntries / sizeof kEntries[0];
}

ArithmeticOperation arithmetic_operation(int index) {
  return kEntries[index].operation;
}

cudaError_t launch_arithmetic(int index, int count, const std::uint32_t* a, const std::uint32_t* b,
                              const std::uint32_t* c, std::uint32_t* out) {
  const unsigned blocks = static_cast<unsigned>((count + 127) / 128);
  kEntries[index].kernel<<<blocks, 128>>>(count, a, b, c, out);
  return cudaGetLastError();
}

}  // namespace foldconv::probes
