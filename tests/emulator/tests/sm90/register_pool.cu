// SPDX-License-Identifier: MIT
// setmaxnreg: warpgroups hand registers to each other, and cannot have more than there are.
#include "../support/counting.cuh"
#include "../support/faults.hpp"
#include "../support/hopper.cuh"

using namespace cuemu_tests;

namespace register_pool_tests {

template <int kCount>
__device__ void give_up() {
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(kCount));
}
template <int kCount>
__device__ void take() {
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(kCount));
}

// 384 threads start with 168 registers each: 504 for a thread of each of the three warpgroups.
template <int kProducer, int kConsumer>
__global__ void __launch_bounds__(384, 1) share(int producer, int* out) {
  if (static_cast<int>(threadIdx.x / 128) == producer)
    give_up<kProducer>();
  else
    take<kConsumer>();
  out[threadIdx.x] = threadIdx.x;
}

TEST(HopperRegisterPool, what_one_gives_up_others_have) {
  NEEDS_HOPPER();
  const auto out = zeroed<int>(384);
  std::vector<int> expected(384);
  for (int i = 0; i < 384; ++i) expected[i] = i;
  cudaFuncAttributes attributes = {};
  CUDA_OK(cudaFuncGetAttributes(&attributes, share<40, 232>));
  EXPECT_EQ(attributes.numRegs, 168);
  // Whoever comes first waits.
  for (const int producer : {0, 1, 2}) {
    LAUNCH((share<40, 232>), 3, 384, producer, out.get());
    EXPECT_VALUES(out.download(), expected);
    LAUNCH((share<24, 240>), 3, 384, producer, out.get());
    LAUNCH((share<168, 168>), 1, 384, producer, out.get());
  }
}

TEST(HopperRegisterPool, more_than_there_are) {
  NEEDS_HOPPER();
  NEEDS_EMULATOR();
  const auto out = zeroed<int>(384);
  share<40, 240><<<1, 384>>>(0, out.get());
  EXPECT_FAULT({"deadlock"}, "share", {});
  share<24, 248><<<1, 384>>>(2, out.get());
  EXPECT_FAULT({"deadlock"}, "share", {});
}

// Registers move on, and come back.
__global__ void __launch_bounds__(256, 1) take_turns(int* out) {
  const bool first = threadIdx.x < 128;
  if (first) {
    give_up<24>();
    asm volatile("bar.sync 1, 256;" ::: "memory");
    take<248>();
  } else {
    take<256>();
    give_up<104>();
    asm volatile("bar.sync 1, 256;" ::: "memory");
  }
  out[threadIdx.x] = 1;
}

TEST(HopperRegisterPool, back_and_forth) {
  NEEDS_HOPPER();
  const auto out = zeroed<int>(256);
  LAUNCH(take_turns, 1, 256, out.get());
  EXPECT_VALUES(out.download(), std::vector<int>(256, 1));
}

enum class Wrong : int { dec_to_more, inc_to_less, a_part, different };

// What the second of three warpgroups does wrong.
__global__ void __launch_bounds__(384, 1) wrong(Wrong what) {
  const int warp = threadIdx.x / 32;
  if (warp < 4) give_up<40>();
  if (warp >= 8) take<232>();
  if (warp < 4 || warp >= 8) return;
  if (what == Wrong::dec_to_more) give_up<176>();
  if (what == Wrong::inc_to_less) take<160>();
  if (what == Wrong::a_part && warp < 7) give_up<40>();
  if (what == Wrong::different) {
    if (warp % 2 == 0)
      give_up<40>();
    else
      give_up<48>();
  }
}

// One warp more than a warpgroup.
__global__ void __launch_bounds__(160, 1) beyond_the_group() {
  if (threadIdx.x >= 128) give_up<40>();
}

TEST(HopperRegisterPool, wrong_uses) {
  NEEDS_HOPPER();
  NEEDS_EMULATOR();
  for (const Wrong what :
       {Wrong::dec_to_more, Wrong::inc_to_less, Wrong::a_part, Wrong::different}) {
    wrong<<<1, 384>>>(what);
    EXPECT_FAULT({"register-pool"}, "wrong", {});
  }
  beyond_the_group<<<1, 160>>>();
  EXPECT_FAULT({"register-pool"}, "beyond_the_group", {});
}

}  // namespace register_pool_tests
