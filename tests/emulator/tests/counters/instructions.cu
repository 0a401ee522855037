// SPDX-License-Identifier: MIT
// Counts of launches, instructions, arithmetic, barriers, atomics and divergence.
#include "../support/counting.cuh"

using namespace cuemu_tests;

namespace {

// The same kernel with and without one block of assembly: the difference is that block alone.
#define REPEAT_8(text) text text text text text text text text

template <bool kWithBlock>
__global__ void eight_more_instructions(unsigned* out) {
  unsigned x = threadIdx.x;
  asm volatile("add.u32 %0, %0, 1;" : "+r"(x));
  if (kWithBlock) asm volatile(REPEAT_8("add.u32 %0, %0, 1;\n") : "+r"(x));
  out[blockIdx.x * blockDim.x + threadIdx.x] = x;
}

TEST(CountersInstructions, launches_blocks_and_warp_instructions) {
  NEEDS_EMULATOR();
  const auto out = zeroed<unsigned>(3 * 80);
  const auto without = count([&] { eight_more_instructions<false><<<3, 80>>>(out.get()); });
  const auto with = count([&] { eight_more_instructions<true><<<3, 80>>>(out.get()); });
  EXPECT_EQ(without.launches, 1u);
  EXPECT_EQ(without.ctas, 3u);
  EXPECT_EQ(with.warp_instructions - without.warp_instructions,
            8u * 3 * 3);  // 80 threads are 3 warps
  EXPECT_TRUE(without.warp_instructions >= 3u * 3 * 4);
}

TEST(CountersInstructions, counters_add_up_until_reset) {
  NEEDS_EMULATOR();
  const auto out = zeroed<unsigned>(64);
  const auto counters = count([&] {
    for (int i = 0; i < 5; ++i) eight_more_instructions<false><<<2, 32>>>(out.get());
  });
  EXPECT_EQ(counters.launches, 5u);
  EXPECT_EQ(counters.ctas, 10u);
  EXPECT_EQ(count([] {}).warp_instructions, 0u);
  EXPECT_EQ(counters.size, uint64_t(sizeof counters));
}

__global__ void divide(unsigned* out, unsigned a, unsigned b) {
  out[threadIdx.x] = (a + threadIdx.x) / b;
}
__global__ void divide_and_remainder_64(long long* out, long long a, long long b) {
  out[threadIdx.x] = (a + threadIdx.x) / b;
  out[32 + threadIdx.x] = (a - threadIdx.x) % b;
}
__global__ void divide_by_constant(unsigned* out, unsigned a) {
  out[threadIdx.x] = (a + threadIdx.x) / 7 + a % 12;
}
__global__ void divide_floats(float* out, float a, float b) {
  out[threadIdx.x] = a / b;
}

TEST(CountersInstructions, integer_divisions) {
  NEEDS_EMULATOR();
  const auto words = zeroed<unsigned>(96);
  const auto longs = zeroed<long long>(64);
  const auto floats = zeroed<float>(32);
  EXPECT_EQ(count([&] { divide<<<1, 96>>>(words.get(), 1000, 7); }).integer_divisions, 3u);
  EXPECT_EQ(count([&] {
              divide_and_remainder_64<<<1, 32>>>(longs.get(), 1ll << 40, 12345);
            }).integer_divisions,
            2u);
  // The compiler turns these into multiplications.
  EXPECT_EQ(count([&] { divide_by_constant<<<1, 96>>>(words.get(), 1000); }).integer_divisions, 0u);
  EXPECT_EQ(count([&] { divide_floats<<<1, 32>>>(floats.get(), 1, 3); }).integer_divisions, 0u);
}

enum class Arithmetic {
  kFma,
  kAdd,
  kMultiply,
  kSubtract,
  kFmaPair,
  kFmaDouble,
  kFmaOnFiveLanes,
  kInteger
};

template <Arithmetic kKind>
__global__ void calculate(float* out) {
  float x = threadIdx.x;
  unsigned pair = threadIdx.x;
  double wide = threadIdx.x;
  if (kKind == Arithmetic::kFma) asm volatile("fma.rn.f32 %0, %0, %0, %0;" : "+f"(x));
  if (kKind == Arithmetic::kAdd) asm volatile("add.f32 %0, %0, %0;" : "+f"(x));
  if (kKind == Arithmetic::kMultiply) asm volatile("mul.f32 %0, %0, %0;" : "+f"(x));
  if (kKind == Arithmetic::kSubtract) asm volatile("sub.f32 %0, %0, %0;" : "+f"(x));
  if (kKind == Arithmetic::kFmaPair) asm volatile("fma.rn.f16x2 %0, %0, %0, %0;" : "+r"(pair));
  if (kKind == Arithmetic::kFmaDouble) asm volatile("fma.rn.f64 %0, %0, %0, %0;" : "+d"(wide));
  if (kKind == Arithmetic::kFmaOnFiveLanes) {
    asm volatile("{.reg .pred p;\n setp.lt.u32 p, %1, 5;\n @p fma.rn.f32 %0, %0, %0, %0;\n}"
                 : "+f"(x)
                 : "r"(threadIdx.x));
  }
  if (kKind == Arithmetic::kInteger) asm volatile("mad.lo.u32 %0, %0, %0, %0;" : "+r"(pair));
  // Stored as they are: a conversion would not be counted, but an addition would.
  if (out == nullptr) return;
  out[threadIdx.x] = kKind == Arithmetic::kFmaDouble ? static_cast<float>(wide) : x;
  reinterpret_cast<unsigned*>(out)[32 + threadIdx.x] = pair;
}

TEST(CountersInstructions, floating_point_operations) {
  NEEDS_EMULATOR();
  const auto out = zeroed<float>(64);
  EXPECT_EQ(count([&] { calculate<Arithmetic::kFma><<<1, 32>>>(out.get()); }).fma_flops, 64u);
  EXPECT_EQ(count([&] { calculate<Arithmetic::kFma><<<1, 20>>>(out.get()); }).fma_flops, 40u);
  EXPECT_EQ(count([&] { calculate<Arithmetic::kAdd><<<1, 32>>>(out.get()); }).fma_flops, 32u);
  EXPECT_EQ(count([&] { calculate<Arithmetic::kMultiply><<<1, 32>>>(out.get()); }).fma_flops, 32u);
  EXPECT_EQ(count([&] { calculate<Arithmetic::kSubtract><<<1, 32>>>(out.get()); }).fma_flops, 32u);
  EXPECT_EQ(count([&] { calculate<Arithmetic::kFmaPair><<<1, 32>>>(out.get()); }).fma_flops, 128u);
  EXPECT_EQ(count([&] { calculate<Arithmetic::kFmaDouble><<<1, 32>>>(out.get()); }).fma_flops, 64u);
  EXPECT_EQ(count([&] { calculate<Arithmetic::kFmaOnFiveLanes><<<1, 32>>>(out.get()); }).fma_flops,
            10u);
  EXPECT_EQ(count([&] { calculate<Arithmetic::kInteger><<<1, 32>>>(out.get()); }).fma_flops, 0u);
}

template <int kCount>
__global__ void multiply_matrices() {
  unsigned a = 0, b = 0, c = 0;
  for (int i = 0; i < kCount; ++i) {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%0,%0,%0}, {%1,%1,%1,%1}, {%2,%2}, "
        "{%0,%0,%0,%0};"
        : "+r"(c)
        : "r"(a), "r"(b));
  }
  asm volatile("mma.sync.aligned.m16n8k8.row.col.f16.f16.f16.f16 {%0,%0}, {%1,%1}, {%2}, {%0,%0};"
               : "+r"(c)
               : "r"(a), "r"(b));
}

TEST(CountersInstructions, tensor_core_operations) {
  NEEDS_EMULATOR();
  const auto counters = count([&] { multiply_matrices<3><<<2, 64>>>(); });  // 4 warps
  EXPECT_EQ(counters.mma_instructions, 4u * 4);
  EXPECT_EQ(counters.mma_flops, 4u * (3 * 2 * 16 * 8 * 16 + 2 * 16 * 8 * 8));
  EXPECT_EQ(counters.fma_flops, 0u);
}

__global__ void wait_in_loop(int rounds) {
  for (int i = 0; i < rounds; ++i) __syncthreads();
  __syncwarp();
}
__global__ void wait_with_names() {
  if (threadIdx.x < 64) asm volatile("bar.sync 1, 64;" ::: "memory");
  __syncthreads_or(threadIdx.x == 0);
}

TEST(CountersInstructions, barriers_are_counted_once_per_block) {
  NEEDS_EMULATOR();
  EXPECT_EQ(count([&] { wait_in_loop<<<3, 96>>>(5); }).barriers, 15u);
  EXPECT_EQ(count([&] { wait_in_loop<<<1, 96>>>(0); }).barriers, 0u);
  EXPECT_TRUE(count([&] { wait_with_names<<<1, 96>>>(); }).barriers >= 1u);
}

__global__ void add_atomically(int* global) {
  __shared__ int shared;
  if (threadIdx.x == 0) shared = 0;
  __syncthreads();
  atomicAdd(&shared, 1);
  atomicAdd(global, 1);
  if (threadIdx.x < 32) atomicMax(global, 5);
}

TEST(CountersInstructions, atomics_per_warp) {
  NEEDS_EMULATOR();
  const auto cell = zeroed<int>(1);
  EXPECT_EQ(count([&] { add_atomically<<<2, 64>>>(cell.get()); }).atomic_instructions,
            2u * (2 + 2 + 1));
}

// A branch taken by the lanes below `limit`.
__global__ void branch_below(unsigned* out, unsigned limit) {
  const unsigned lane = threadIdx.x % 32;
  unsigned value = 1;
  asm volatile(
      "{.reg .pred p;\n setp.lt.u32 p, %1, %2;\n @p bra skip;\n add.u32 %0, %0, 1;\n skip: \n}"
      : "+r"(value)
      : "r"(lane), "r"(limit));
  out[threadIdx.x] = value;
}

TEST(CountersInstructions, branches_that_split_a_warp) {
  NEEDS_EMULATOR();
  const auto out = zeroed<unsigned>(96);
  EXPECT_EQ(count([&] { branch_below<<<1, 96>>>(out.get(), 0); }).divergent_branches, 0u);
  EXPECT_EQ(count([&] { branch_below<<<1, 96>>>(out.get(), 32); }).divergent_branches, 0u);
  EXPECT_EQ(count([&] { branch_below<<<1, 96>>>(out.get(), 9); }).divergent_branches, 3u);
  EXPECT_EQ(count([&] { branch_below<<<1, 72>>>(out.get(), 9); }).divergent_branches,
            2u);  // the last warp has 8 lanes
}

}  // namespace
