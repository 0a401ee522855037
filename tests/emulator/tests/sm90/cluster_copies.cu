// SPDX-License-Identifier: MIT
// Bulk copies from a CTA's shared memory to another's, and what may be done with their sources.
#include "../support/hopper.cuh"

using namespace cuemu_tests;

namespace cluster_copy_tests {

using namespace hopper;

__device__ void copy_to(uint32_t rank, uint32_t to, uint32_t from, uint32_t bytes,
                        uint32_t barrier) {
  asm volatile(
      "cp.async.bulk.shared::cluster.shared::cta.mbarrier::complete_tx::bytes [%0], [%1], %2, "
      "[%3];" ::"r"(map_to(to, rank)),
      "r"(from), "r"(bytes), "r"(map_to(barrier, rank))
      : "memory");
}

// Reads words of the source meanwhile, and rows of it when it has been written anew.
__global__ void reads_what_is_copied(uint32_t* out) {
  __shared__ uint4 source[16], destination[16];
  __shared__ alignas(8) uint64_t bits;
  const uint32_t b = address_of(&bits), rank = cluster_rank(), t = threadIdx.x;
  if (t == 0) {
    init(b, 1);
    fence_init();
  }
  uint32_t sum = 0;
  for (uint32_t round = 0; round < 3; ++round) {
    const uint32_t first = 100 * round;
    if (rank == 0 && t < 16) source[t] = {first + t, first + 2 * t, 3, 4};
    fence_async();
    cluster_sync();
    if (rank == 0) {
      if (t == 0) copy_to(1, address_of(destination), address_of(source), 256, b);
      if (t < 8) sum += reinterpret_cast<const volatile uint32_t*>(source)[4 * t];
    } else {
      if (t == 0) arrive_expect(b, 256);
      wait(b, round % 2);
      if (t < 16) sum += destination[t].x;
    }
    cluster_sync();
    if (rank == 0) {
      for (uint32_t again = 0; again < 2; ++again) {
        if (t < 16) source[t] = {t, t, t, again};
        __syncthreads();
        if (t >= 32 && t < 48) {
          const uint4 row = source[t - 32];
          sum += row.x + row.y + row.z + row.w;
        }
        __syncthreads();
      }
    }
  }
  out[64 * rank + t] = sum;
}

TEST(HopperClusterCopies, the_source_of_a_copy_may_be_read) {
  NEEDS_HOPPER();
  const auto out = zeroed<uint32_t>(128);
  CUDA_OK(launch_clusters(reads_what_is_copied, 2, 64, 2, out.get()));
  CUDA_OK(cudaDeviceSynchronize());
  std::vector<uint32_t> expected(128);
  for (uint32_t t = 0; t < 16; ++t) {
    if (t < 8) expected[t] = 300 + 3 * t;
    expected[32 + t] = 3 * (6 * t + 1);
    expected[64 + t] = 300 + 3 * t;
  }
  EXPECT_VALUES(out.download(), expected);
}

}  // namespace cluster_copy_tests
