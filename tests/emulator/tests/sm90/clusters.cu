// SPDX-License-Identifier: MIT
// Clusters: their numbers, barrier and shared memory.
#include "../support/counting.cuh"
#include "../support/faults.hpp"
#include "../support/hopper.cuh"

using namespace cuemu_tests;

namespace cluster_tests {

using namespace hopper;

#define LAUNCH_CLUSTERS(...)               \
  do {                                     \
    CUDA_OK(launch_clusters(__VA_ARGS__)); \
    CUDA_OK(cudaDeviceSynchronize());      \
  } while (false)

// --- Numbers

constexpr unsigned kNumbers = 15;

__global__ void numbers(uint32_t* out) {
  if (threadIdx.x != 0) return;
  uint32_t* w = out + kNumbers * ((blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x);
#define READ(i, name) asm volatile("mov.u32 %0, %%" name ";" : "=r"(w[i]))
  READ(0, "cluster_ctarank");
  READ(1, "cluster_nctarank");
  READ(2, "cluster_ctaid.x");
  READ(3, "cluster_ctaid.y");
  READ(4, "cluster_ctaid.z");
  READ(5, "cluster_nctaid.x");
  READ(6, "cluster_nctaid.y");
  READ(7, "cluster_nctaid.z");
  READ(8, "clusterid.x");
  READ(9, "clusterid.y");
  READ(10, "clusterid.z");
  READ(11, "nclusterid.x");
  READ(12, "nclusterid.y");
  READ(13, "nclusterid.z");
#undef READ
  asm volatile("{\n.reg .pred p;\nmov.pred p, %%is_explicit_cluster;\nselp.u32 %0, 1, 0, p;\n}"
               : "=r"(w[14]));
}

std::vector<uint32_t> expected_numbers(dim3 grid, dim3 c, bool is_explicit) {
  std::vector<uint32_t> all;
  for (unsigned z = 0; z < grid.z; ++z)
    for (unsigned y = 0; y < grid.y; ++y)
      for (unsigned x = 0; x < grid.x; ++x) {
        const uint32_t of_cta[kNumbers] = {x % c.x + c.x * (y % c.y + c.y * (z % c.z)),
                                           c.x * c.y * c.z,
                                           x % c.x,
                                           y % c.y,
                                           z % c.z,
                                           c.x,
                                           c.y,
                                           c.z,
                                           x / c.x,
                                           y / c.y,
                                           z / c.z,
                                           grid.x / c.x,
                                           grid.y / c.y,
                                           grid.z / c.z,
                                           is_explicit};
        all.insert(all.end(), of_cta, of_cta + kNumbers);
      }
  return all;
}

TEST(HopperClusters, numbers) {
  NEEDS_HOPPER();
  const dim3 grids[] = {{6, 1, 1}, {4, 6, 2}, {2, 3, 4}},
             clusters[] = {{2, 1, 1}, {2, 3, 1}, {1, 3, 2}};
  for (int i = 0; i < 3; ++i) {
    const auto out = zeroed<uint32_t>(kNumbers * grids[i].x * grids[i].y * grids[i].z);
    LAUNCH_CLUSTERS(numbers, grids[i], 32, clusters[i], out.get());
    EXPECT_VALUES(out.download(), expected_numbers(grids[i], clusters[i], true));
  }
  const auto out = zeroed<uint32_t>(kNumbers * 6);
  LAUNCH(numbers, dim3(3, 2), 32, out.get());
  EXPECT_VALUES(out.download(), expected_numbers({3, 2, 1}, {1, 1, 1}, false));
}

// --- Shared memory of others

__global__ void neighbours(uint32_t* out) {
  __shared__ uint32_t own[64];
  __shared__ uint32_t sum;
  const uint32_t rank = cluster_rank(), next = (rank + 1) % 4, t = threadIdx.x;
  own[t] = 1000 * rank + t;
  if (t == 0) sum = 0;
  cluster_sync();
  uint32_t read, through_generic;
  [[maybe_unused]] uint32_t old;
  asm volatile("ld.shared::cluster.u32 %0, [%1+4];"
               : "=r"(read)
               : "r"(map_to(address_of(&own[t ^ 1]), next) - 4));
  uint64_t generic;
  asm volatile("mapa.u64 %0, %1, %2;" : "=l"(generic) : "l"(&own[t]), "r"(next));
  asm volatile("ld.u32 %0, [%1];" : "=r"(through_generic) : "l"(generic) : "memory");
  asm volatile("atom.relaxed.cluster.shared::cluster.add.u32 %0, [%1], %2;"
               : "=r"(old)
               : "r"(map_to(address_of(&sum), 0)), "r"(rank + 1)
               : "memory");
  uint32_t ranks, ranks_of_own;
  asm volatile("getctarank.shared::cluster.u32 %0, %1;"
               : "=r"(ranks)
               : "r"(map_to(address_of(own), next)));
  asm volatile("getctarank.shared::cluster.u32 %0, %1;"
               : "=r"(ranks_of_own)
               : "r"(address_of(own)));
  cluster_sync();
  asm volatile("st.shared::cluster.u32 [%0], %1;" ::"r"(map_to(address_of(&own[t]), next)),
               "r"(7000 + 100 * rank + t)
               : "memory");
  cluster_sync();
  uint32_t* w = out + 5 * (64 * blockIdx.x + t);
  w[0] = read;
  w[1] = through_generic;
  w[2] = own[t];
  w[3] = ranks << 8 | ranks_of_own;
  w[4] = rank == 0 ? sum : 0;
  cluster_sync();
}

TEST(HopperClusters, shared_memory_of_others) {
  NEEDS_HOPPER();
  const auto out = zeroed<uint32_t>(8 * 64 * 5);
  LAUNCH_CLUSTERS(neighbours, 8, 64, 4, out.get());
  std::vector<uint32_t> expected;
  for (uint32_t cta = 0; cta < 8; ++cta) {
    for (uint32_t t = 0; t < 64; ++t) {
      const uint32_t rank = cta % 4, next = (rank + 1) % 4, before = (rank + 3) % 4;
      const uint32_t of_thread[5] = {1000 * next + (t ^ 1), 1000 * next + t,
                                     7000 + 100 * before + t, next << 8 | rank,
                                     rank == 0 ? 64u * 10 : 0};
      expected.insert(expected.end(), of_thread, of_thread + 5);
    }
  }
  EXPECT_VALUES(out.download(), expected);
}

// --- Barriers of others

__global__ void remote_barriers(uint32_t* out) {
  __shared__ alignas(8) uint64_t bits, delivered;
  __shared__ alignas(16) uint32_t row[4 * 32];
  const uint32_t rank = cluster_rank(), t = threadIdx.x;
  if (t == 0) {
    init(address_of(&bits), 2 * 32);
    init(address_of(&delivered), 1);
    fence_init();
    arrive_expect(address_of(&delivered), 32 * 16);
  }
  cluster_sync();
  for (uint32_t r = 0; r < 2; ++r) arrive_remote(map_to(address_of(&bits), r));
  wait(address_of(&bits), 0);
  const uint32_t to = rank ^ 1;
  asm volatile(
      "st.async.shared::cluster.mbarrier::complete_tx::bytes.v4.u32 [%0], {%1, %2, %3, %4}, "
      "[%5];" ::"r"(map_to(address_of(&row[4 * t]), to)),
      "r"(100 * rank + t), "r"(1), "r"(2), "r"(300 * rank + t),
      "r"(map_to(address_of(&delivered), to))
      : "memory");
  wait(address_of(&delivered), 0);
  out[2 * (32 * rank + t)] = row[4 * t];
  out[2 * (32 * rank + t) + 1] = row[4 * t + 3];
  cluster_sync();
}

TEST(HopperClusters, remote_arrivals_and_asynchronous_stores) {
  NEEDS_HOPPER();
  const auto out = zeroed<uint32_t>(128);
  const cuemu_counters c = count([&] { LAUNCH_CLUSTERS(remote_barriers, 2, 32, 2, out.get()); });
  std::vector<uint32_t> expected;
  for (uint32_t rank : {0u, 1u})
    for (uint32_t t = 0; t < 32; ++t)
      expected.push_back(100 * (rank ^ 1) + t), expected.push_back(300 * (rank ^ 1) + t);
  EXPECT_VALUES(out.download(), expected);
  if (cuemu_present()) EXPECT_EQ(c.barrier_phases, uint64_t{4});
}

// --- Their barrier

__global__ void uneven_exits(uint32_t* out) {
  // Threads that have exited do not hold others up.
  if (cluster_rank() == 1 && threadIdx.x % 2 == 0) return;
  asm volatile("barrier.cluster.arrive;" ::: "memory");
  out[32 * blockIdx.x + threadIdx.x] = 1;
  asm volatile("barrier.cluster.wait;" ::: "memory");
  out[32 * blockIdx.x + threadIdx.x] += 1;
}

TEST(HopperClusters, a_barrier_some_have_left) {
  NEEDS_HOPPER();
  const auto out = zeroed<uint32_t>(128);
  LAUNCH_CLUSTERS(uneven_exits, 4, 32, 2, out.get());
  std::vector<uint32_t> expected(128);
  for (uint32_t i = 0; i < 128; ++i) expected[i] = i / 32 % 2 == 1 && i % 2 == 0 ? 0 : 2;
  EXPECT_VALUES(out.download(), expected);
}

__global__ void arrives_and_exits(uint32_t* out) {
  // A thread that has arrived and exits is not counted twice.
  __shared__ uint32_t value;
  const uint32_t rank = cluster_rank(), t = threadIdx.x;
  if (t == 0) value = 0;
  cluster_sync();
  if (rank == 0) {
    asm volatile("barrier.cluster.arrive.release;" ::: "memory");
    return;
  }
  if (rank == 1) {
    for (int i = 0; i < 8; ++i) __syncthreads();
    if (t == 40)
      asm volatile("st.shared::cluster.u32 [%0], 7;" ::"r"(map_to(address_of(&value), 2))
                   : "memory");
  }
  cluster_sync();
  if (rank == 2 && t == 0) out[blockIdx.x / 3] = value;
}

TEST(HopperClusters, a_barrier_some_leave_after_they_have_arrived) {
  NEEDS_HOPPER();
  const auto out = zeroed<uint32_t>(3);
  LAUNCH_CLUSTERS(arrives_and_exits, 9, 64, 3, out.get());
  EXPECT_VALUES(out.download(), {7, 7, 7});
}

// --- Faults

enum Wrong { kNoRank, kTwice, kNever, kAfterExit, kAlone, kNothing };

constexpr int kFirstLine = __LINE__ + 7;
__global__ void wrong(Wrong what, uint32_t far) {
  __shared__ uint32_t own[4];
  const uint32_t address = address_of(own), rank = cluster_rank();
  own[threadIdx.x % 4] = 0;
  // clang-format off
  switch (what) {
    case kNoRank: asm volatile("{.reg .u32 a; mapa.shared::cluster.u32 a, %0, %1;}" ::"r"(address), "r"(far) : "memory"); break;
    case kTwice: asm volatile("barrier.cluster.arrive; barrier.cluster.arrive;" ::: "memory"); break;
    case kNever: asm volatile("barrier.cluster.wait;" ::: "memory"); break;
    case kAfterExit: cluster_sync(); if (rank == 1) asm volatile("nanosleep.u32 20; st.shared::cluster.u32 [%0], 1;" ::"r"(map_to(address, 0)) : "memory"); break;
    case kAlone: if (rank == 0) asm volatile("barrier.cluster.arrive; barrier.cluster.wait;" ::: "memory"); else asm volatile("AGAIN: bra AGAIN;"); break;
    case kNothing: break;
  }
  // clang-format on
}

TEST(HopperClusters, wrong_operations) {
  NEEDS_HOPPER();
  NEEDS_EMULATOR();
  const char* const kinds[] = {"out-of-bounds", "divergent-barrier", "divergent-barrier",
                               "dsmem-after-exit", "deadlock"};
  for (int what = kNoRank; what < kNothing; ++what) {
    (void)launch_clusters(wrong, 2, 32, 2, static_cast<Wrong>(what), 2u);
    EXPECT_FAULT({kinds[what]}, "wrong", {kFirstLine + what});
  }
  LAUNCH_CLUSTERS(wrong, 2, 32, 2, kNothing, 2u);
}

enum WrongBarrier { kInit, kInval, kWait, kResult, kStoredOver, kAsyncOver, kNoBarrier, kRight };

constexpr int kFirstBarrierLine = __LINE__ + 15;
__global__ void wrong_barriers(WrongBarrier what) {
  __shared__ alignas(8) uint64_t bits, value;
  if (threadIdx.x == 0) {
    init(address_of(&bits), 1);
    fence_init();
  }
  cluster_sync();
  // Of rank 0, by rank 1.
  uint64_t generic;
  [[maybe_unused]] uint64_t state;
  asm volatile("mapa.u64 %0, %1, 0;" : "=l"(generic) : "l"(&bits));
  const uint32_t b = map_to(address_of(&bits), 0), v = map_to(address_of(&value), 0);
  // clang-format off
  if (threadIdx.x == 0 && cluster_rank() == 1) switch (what) {
    case kInit: asm volatile("mbarrier.init.b64 [%0], 1;" ::"l"(generic) : "memory"); break;
    case kInval: asm volatile("mbarrier.inval.b64 [%0];" ::"l"(generic) : "memory"); break;
    case kWait: asm volatile("{.reg .pred p; mbarrier.try_wait.parity.b64 p, [%0], 1;}" ::"l"(generic) : "memory"); break;
    case kResult: asm volatile("mbarrier.arrive.b64 %0, [%1];" : "=l"(state) : "l"(generic) : "memory"); break;
    case kStoredOver: asm volatile("st.shared::cluster.u32 [%0], 1;" ::"r"(b) : "memory"); break;
    case kAsyncOver: asm volatile("st.async.shared::cluster.mbarrier::complete_tx::bytes.b64 [%0], %1, [%0];" ::"r"(b), "l"(generic) : "memory"); break;
    case kNoBarrier: asm volatile("st.async.shared::cluster.mbarrier::complete_tx::bytes.b64 [%0], %1, [%0];" ::"r"(v), "l"(generic) : "memory"); break;
    case kRight: asm volatile("mbarrier.arrive.b64 _, [%0];" ::"l"(generic) : "memory"); break;
  }
  // clang-format on
  cluster_sync();
}

TEST(HopperClusters, wrong_operations_on_barriers_of_others) {
  NEEDS_HOPPER();
  NEEDS_EMULATOR();
  for (int what = kInit; what < kRight; ++what) {
    (void)launch_clusters(wrong_barriers, 2, 32, 2, static_cast<WrongBarrier>(what));
    EXPECT_FAULT({"barrier-misuse"}, "wrong_barriers", {kFirstBarrierLine + what});
  }
  LAUNCH_CLUSTERS(wrong_barriers, 2, 32, 2, kRight);
}

}  // namespace cluster_tests
