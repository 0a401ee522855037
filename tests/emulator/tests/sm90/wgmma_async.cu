// SPDX-License-Identifier: MIT
// When wgmma acts, and what may not be done until then.
#include "../support/faults.hpp"
#include "../support/float_formats.hpp"
#include "../support/hopper.cuh"
#include "../support/wgmma.cuh"

using namespace cuemu_tests;

namespace wgmma_async {

using wgmma::Layout;

constexpr Layout kA{false, 32, 0, 0, 256}, kB{false, 32, 2048, 0, 256};
constexpr int kStageWords = (2048 + 512) / 4;

__device__ void fence() {
  asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
}
__device__ void commit() {
  asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
}
template <int kPending>
__device__ void wait() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(kPending) : "memory");
}
// What has been done to d so far is done before the fence that follows.
__device__ void settle(float (&d)[8]) {
  for (float& value : d) asm volatile("" : "+f"(value)::"memory");
}
// d += A * B, 64 x 16.
__device__ void multiply_add(float (&d)[8], uint64_t a, uint64_t b) {
  asm volatile(
      "wgmma.mma_async.sync.aligned.m64n16k16.f32.f16.f16 {%0,%1,%2,%3,%4,%5,%6,%7}, %8, %9, 1, 1, "
      "1, 0, 0;"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]),
        "+f"(d[7])
      : "l"(a), "l"(b));
}
__device__ uint64_t moved(uint64_t descriptor, uint32_t bytes) {
  return descriptor + (bytes >> 4);
}

// --- A product over many steps, three stages, one of them in flight while the next is filled ---

constexpr int kSteps = 7;

__global__ void pipeline(float* out, const u32* images, uint64_t a, uint64_t b) {
  __shared__ alignas(1024) u32 stages[3][kStageWords + 128];
  float d[8] = {};
  settle(d);
  for (int step = 0; step < kSteps; ++step) {
    u32* const stage = stages[step % 3];
    for (int i = threadIdx.x; i < kStageWords; i += blockDim.x)
      stage[i] = images[step * kStageWords + i];
    hopper::fence_async();
    __syncthreads();
    const uint32_t at = hopper::address_of(stage);
    fence();
    multiply_add(d, moved(a, at), moved(b, at));
    commit();
    wait<1>();
  }
  wait<0>();
  for (int i = 0; i < 8; ++i) out[threadIdx.x / 128 * 1024 + 128 * i + threadIdx.x % 128] = d[i];
}

struct Steps {
  std::vector<u32> images;
  std::vector<float> product;  // as fragments

  explicit Steps(int count) : images(count * kStageWords), product(1024) {
    Random random(count);
    std::vector<float> sums(64 * 16);
    for (int step = 0; step < count; ++step) {
      std::vector<int> a, b;
      for (int i = 0; i < 64 * 16; ++i) a.push_back(random.between(-9, 9));
      for (int i = 0; i < 16 * 16; ++i) b.push_back(random.between(-9, 9));
      const auto put = [&](const Layout& layout, int line, int k, int value) {
        const unsigned at = layout.offset(line, k);
        images[step * kStageWords + at / 4] |= u32{encode(value, kF16)} << at % 4 * 8;
      };
      for (int k = 0; k < 16; ++k) {
        for (int row = 0; row < 64; ++row) put(kA, row, k, a[row * 16 + k]);
        for (int column = 0; column < 16; ++column) put(kB, column, k, b[column * 16 + k]);
      }
      for (int row = 0; row < 64; ++row)
        for (int column = 0; column < 16; ++column)
          for (int k = 0; k < 16; ++k)
            sums[row * 16 + column] += float(a[row * 16 + k] * b[column * 16 + k]);
    }
    for (int t = 0; t < 128; ++t)
      for (int i = 0; i < 8; ++i)
        product[128 * i + t] = sums[wgmma::row_of(t, i) * 16 + wgmma::column_of(t, i)];
  }
};

TEST(HopperWgmmaOrder, same_whenever_they_act) {
  NEEDS_HOPPER();
  const Steps steps(kSteps);
  const DeviceBuffer<u32> images(steps.images);
  // Two warpgroups that do the same.
  std::vector<float> expected = steps.product;
  expected.insert(expected.end(), steps.product.begin(), steps.product.end());
  const auto run = [&] {
    const auto out = zeroed<float>(2048);
    LAUNCH(pipeline, 1, 256, out.get(), images.get(), kA.descriptor(), kB.descriptor());
    EXPECT_VALUES(out.download(), expected);
  };
  run();
  const Switch late("late", 1);
  for (int seed = 0; seed <= 16; ++seed) {
    const Switch with_seed("seed", seed);
    run();
  }
}

// --- A wait of one warp is for the whole warpgroup: behind it the operands may be overwritten ---

__global__ void overwrite_behind_wait(float* out, const u32* image, uint64_t a, uint64_t b) {
  __shared__ alignas(1024) u32 stage[kStageWords];
  for (int i = threadIdx.x; i < kStageWords; i += 128) stage[i] = image[i];
  hopper::fence_async();
  __syncthreads();
  const uint32_t at = hopper::address_of(stage);
  float d[8] = {};
  settle(d);
  fence();
  multiply_add(d, moved(a, at), moved(b, at));
  commit();
  wait<0>();
  if (threadIdx.x < 32)
    for (int i = threadIdx.x; i < kStageWords; i += 32) stage[i] = 0x7fff7fff;
  for (int i = 0; i < 8; ++i) out[128 * i + threadIdx.x] = d[i];
}

TEST(HopperWgmmaOrder, one_warp_waits_for_all) {
  NEEDS_HOPPER();
  const Steps steps(1);
  const DeviceBuffer<u32> image(steps.images);
  const auto out = zeroed<float>(1024);
  LAUNCH(overwrite_behind_wait, 1, 128, out.get(), image.get(), kA.descriptor(), kB.descriptor());
  EXPECT_VALUES(out.download(), steps.product);
}

// --- What is wrong, and what is right though it looks like it ---

#define FENCE "wgmma.fence.sync.aligned;\n"
#define COMMIT "wgmma.commit_group.sync.aligned;\n"
#define WAIT(pending) "wgmma.wait_group.sync.aligned " #pending ";\n"
#define TYPES "k16.f32.f16.f16"
#define MMA "wgmma.mma_async.sync.aligned.m64n"
#define SHARED ", %0, %1, 1, 1, 1, 0, 0;\n"
#define N8 MMA "8" TYPES " {d0, d1, d2, d3}" SHARED
#define NEXT_N8 MMA "8" TYPES " {d4, d5, d6, d7}" SHARED
#define N16 MMA "16" TYPES " {d0, d1, d2, d3, d4, d5, d6, d7}" SHARED
#define REGISTERS_N8 MMA "8" TYPES " {d0, d1, d2, d3}, {a0, a1, a2, a3}, %1, 1, 1, 1, 0;\n"
#define TF32 MMA "8k8.f32.tf32.tf32 {d0, d1, d2, d3}, %0, %1, 1, 1, 1;\n"
#define ZERO(r) "mov.b32 " r "0, 0;\nmov.b32 " r "1, 0;\nmov.b32 " r "2, 0;\nmov.b32 " r "3, 0;\n"
#define RUN(text) \
  asm volatile("{\n.reg .b32 d<8>, a<4>, x;\n" ZERO("d") ZERO("a") "mov.b32 d4, 0;\nmov.b32 "   \
               "d5, 0;\nmov.b32 d6, 0;\nmov.b32 d7, 0;\n" text                                  \
               "st.shared.b32 [%2], d0;\n}" ::"l"(a),                                           \
               "l"(b), "r"(result)                                                              \
               : "memory")

enum Wrong {
  kReadInFlight,
  kWaitedForTooFew,
  kNotCommitted,
  kWriteA,
  kNoFence,
  kWrittenBehindFence,
  kReadBehindFence,
  kWriteABehindFence,
  kOtherShape,
  kNeverWaitedFor,
  kBaseOffset,
  kInsidePattern,
  kUnknownBits,
  kOutOfBounds,
  kLanesDiffer,
  kWarpsDiffer,
  kNoWarpgroup,
  kOneWarpLess,
  kTf32,
  kWrongs
};
constexpr int kFirstLine = __LINE__ + 12;

// `other`: threads from there on take other descriptors.
__global__ void wrong(Wrong what, uint64_t a, uint64_t b, uint64_t other_b, unsigned other) {
  __shared__ alignas(1024) u32 stage[1024];
  for (int i = threadIdx.x; i < 1024; i += blockDim.x) stage[i] = 0;
  hopper::fence_async();
  __syncthreads();
  if (threadIdx.x >= other) b = other_b;
  const uint32_t result = hopper::address_of(stage + 640 + threadIdx.x);
  // clang-format off
  switch (what) {
    case kReadInFlight: RUN(FENCE N8 COMMIT "mov.b32 x, d2;\n" WAIT(0)); break;
    case kWaitedForTooFew: RUN(FENCE N8 COMMIT WAIT(1)); break;
    case kNotCommitted: RUN(FENCE N8 WAIT(0)); break;
    case kWriteA: RUN(FENCE REGISTERS_N8 COMMIT "mov.b32 a3, 1;\n" WAIT(0)); break;
    case kNoFence: RUN(N8 COMMIT WAIT(0)); break;
    case kWrittenBehindFence: RUN(FENCE "mov.b32 d3, 0;\n" N8 COMMIT WAIT(0)); break;
    case kReadBehindFence: RUN(FENCE N8 COMMIT WAIT(0) "mov.b32 x, d1;\n" N8 COMMIT WAIT(0)); break;
    case kWriteABehindFence: RUN(FENCE "mov.b32 a0, 0;\n" REGISTERS_N8 COMMIT WAIT(0)); break;
    case kOtherShape: RUN(FENCE N16 N8 COMMIT WAIT(0)); break;
    case kNeverWaitedFor: RUN(FENCE NEXT_N8 COMMIT); break;
    case kBaseOffset: RUN(FENCE N8 COMMIT WAIT(0)); break;
    case kInsidePattern: RUN(FENCE N8 COMMIT WAIT(0)); break;
    case kUnknownBits: RUN(FENCE N8 COMMIT WAIT(0)); break;
    case kOutOfBounds: RUN(FENCE N8 COMMIT WAIT(0)); break;
    case kLanesDiffer: RUN(FENCE N8 COMMIT WAIT(0)); break;
    case kWarpsDiffer: RUN(FENCE N8 COMMIT WAIT(0)); break;
    case kNoWarpgroup: RUN(FENCE N8 COMMIT WAIT(0)); break;
    case kOneWarpLess: if (threadIdx.x < other) RUN(FENCE N8 COMMIT WAIT(0)); break;
    case kTf32: RUN(FENCE TF32 COMMIT WAIT(0)); break;
    case kWrongs: break;
  }
  // clang-format on
}

TEST(HopperWgmmaOrder, wrong_programs) {
  NEEDS_HOPPER();
  NEEDS_EMULATOR();
  const uint64_t a = kA.descriptor(), b = kB.descriptor();
  struct Case {
    Wrong what;
    const char* kind;
    uint64_t b = kB.descriptor();
    unsigned threads = 128, other = 128;
  };
  Layout inside = kB, beyond = kB;
  inside.start += 128;
  beyond.start = 4096;
  const Case cases[] = {{kReadInFlight, "wgmma-in-flight"},
                        {kWaitedForTooFew, "wgmma-in-flight"},
                        {kNotCommitted, "wgmma-in-flight"},
                        {kWriteA, "wgmma-in-flight"},
                        {kNoFence, "missing-wgmma-fence"},
                        {kWrittenBehindFence, "missing-wgmma-fence"},
                        {kReadBehindFence, "missing-wgmma-fence"},
                        {kWriteABehindFence, "missing-wgmma-fence"},
                        {kOtherShape, "missing-wgmma-fence"},
                        {kNeverWaitedFor, "wgmma-in-flight"},
                        {kBaseOffset, "unprobed", b | uint64_t{1} << 49},
                        {kInsidePattern, "unprobed", inside.descriptor()},
                        {kUnknownBits, "unprobed", b | 1 << 14},
                        {kOutOfBounds, "out-of-bounds", beyond.descriptor()},
                        {kLanesDiffer, "divergent-barrier", b, 128, 70},
                        {kWarpsDiffer, "divergent-barrier", b, 128, 64},
                        {kNoWarpgroup, "divergent-barrier", b, 224},
                        {kOneWarpLess, "deadlock", b, 128, 96},
                        {kTf32, "unknown-opcode"}};
  for (const Case& c : cases) {
    wrong<<<1, c.threads>>>(c.what, a, c.b, b + 16, c.other);
    EXPECT_FAULT({c.kind}, "wrong", {kFirstLine + c.what});
  }
  Layout at_the_end = kB;
  at_the_end.start = 4096 - 256;
  LAUNCH(wrong, 1, 128, kOutOfBounds, a, at_the_end.descriptor(), 0, 128);
}

__global__ void right(uint64_t a, uint64_t b) {
  __shared__ alignas(1024) u32 stage[1024];
  for (int i = threadIdx.x; i < 1024; i += blockDim.x) stage[i] = 0;
  hopper::fence_async();
  __syncthreads();
  const uint32_t result = hopper::address_of(stage + 640 + threadIdx.x);
  RUN(FENCE N8 COMMIT WAIT(0) "mov.b32 x, d2;\n");
  RUN(FENCE N8 COMMIT NEXT_N8 COMMIT WAIT(1) "mov.b32 x, d2;\n" WAIT(0));
  RUN(FENCE REGISTERS_N8 COMMIT WAIT(0) "mov.b32 a3, 1;\n");
  RUN("mov.b32 d3, 0;\n" FENCE N8 N8 COMMIT "mov.b32 x, d4;\n" WAIT(0));
  RUN(FENCE N8 COMMIT WAIT(0) "mov.b32 x, d1;\n" FENCE N8 COMMIT WAIT(0));
  RUN(FENCE N16 FENCE N8 COMMIT WAIT(0));
}

// Accumulators that nobody reads; other registers are alive when they are written.
__global__ void unread(u32* out, uint64_t a, uint64_t b) {
  __shared__ alignas(1024) u32 stage[1024];
  for (int i = threadIdx.x; i < 1024; i += blockDim.x) stage[i] = 0x3c003c00;
  hopper::fence_async();
  __syncthreads();
  a = moved(a, hopper::address_of(stage));
  b = moved(b, hopper::address_of(stage));
  u32 sum;
  asm volatile("{\n.reg .b32 d<8>, x<8>;\n" ZERO("d") FENCE N8 COMMIT
               "mov.b32 x0, %3;\nadd.u32 x1, x0, 1;\nadd.u32 x2, x1, 1;\nadd.u32 x3, x2, 1;\n"
               "add.u32 x4, x3, 1;\n" WAIT(0)
               "add.u32 x5, x0, x1;\nadd.u32 x6, x2, x3;\nadd.u32 x7, x5, x6;\n"
               "add.u32 %2, x7, x4;\n}"
               : "+l"(a), "+l"(b), "=r"(sum)
               : "r"(threadIdx.x));
  out[threadIdx.x] = sum;
}

TEST(HopperWgmmaOrder, accumulators_that_nobody_reads) {
  NEEDS_HOPPER();
  const auto out = zeroed<u32>(128);
  LAUNCH(unread, 1, 128, out.get(), kA.descriptor(), kB.descriptor());
  std::vector<u32> expected;
  for (u32 t = 0; t < 128; ++t) expected.push_back(5 * t + 10);
  EXPECT_VALUES(out.download(), expected);
}

TEST(HopperWgmmaOrder, right_programs) {
  NEEDS_HOPPER();
  LAUNCH(right, 1, 128, kA.descriptor(), kB.descriptor());
  LAUNCH(right, 1, 256, kA.descriptor(), kB.descriptor());
}

#undef FENCE
#undef COMMIT
#undef WAIT
#undef TYPES
#undef MMA
#undef SHARED
#undef N8
#undef NEXT_N8
#undef N16
#undef REGISTERS_N8
#undef TF32
#undef ZERO
#undef RUN

}  // namespace wgmma_async
