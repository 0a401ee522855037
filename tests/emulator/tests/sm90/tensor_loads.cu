// SPDX-License-Identifier: MIT
// Tiled tensor loads: ranks, element sizes, borders, strides, swizzles, multicast, and what is wrong with them.
#include "../support/counting.cuh"
#include "../support/faults.hpp"
#include "../support/tensors.cuh"

using namespace cuemu_tests;

namespace tensor_load_tests {

using namespace tensors;

constexpr CUtensorMapDataType kTypes[] = {
    CU_TENSOR_MAP_DATA_TYPE_UINT8, CU_TENSOR_MAP_DATA_TYPE_UINT16, CU_TENSOR_MAP_DATA_TYPE_UINT32,
    CU_TENSOR_MAP_DATA_TYPE_UINT64};

#define CHECK_TILE(t, start) check_load(__FILE__, __LINE__, t, start, tile_elements(t, start))

// A tensor and a box of any shape; the box may lie anywhere around the tensor.
Tensor random_tensor(Random& random, Place& start) {
  Tensor t;
  const int type = random.between(0, 3);
  t.type = kTypes[type];
  t.element_bytes = 1 << type;
  t.rank = random.between(1, 5);
  t.swizzle = static_cast<CUtensorMapSwizzle>(random.between(0, 3));
  const int unit = 16 / t.element_bytes;
  t.box[0] =
      t.swizzle == CU_TENSOR_MAP_SWIZZLE_NONE ? unit * random.between(1, 3) : unit << t.swizzle;
  t.dims[0] = random.between(1, 2 * int(t.box[0]));
  t.pitch_padding = 16 * random.between(0, 2);
  start = {random.between(-int(t.box[0]) - 1, int(t.dims[0]) + 1), 0, 0, 0, 0};
  for (int i = 1; i < t.rank; ++i) {
    t.dims[i] = random.between(1, 7);
    t.box[i] = random.between(1, 5);
    t.steps[i] = random.between(0, 2) == 0 ? random.between(1, 8) : 1;
    start[i] = random.between(-int(t.box[i]) - 1, int(t.dims[i]) + 1);
  }
  return t;
}

TEST(HopperTensorLoads, any_box) {
  NEEDS_HOPPER();
  Random random(90);
  for (int i = 0; i < 300; ++i) {
    Place start{};
    const Tensor t = random_tensor(random, start);
    if (!CHECK_TILE(t, start)) return;
  }
}

TEST(HopperTensorLoads, a_swizzle_is_of_addresses_not_of_boxes) {
  NEEDS_HOPPER();
  for (const CUtensorMapSwizzle swizzle : {CU_TENSOR_MAP_SWIZZLE_NONE, CU_TENSOR_MAP_SWIZZLE_32B,
                                           CU_TENSOR_MAP_SWIZZLE_64B, CU_TENSOR_MAP_SWIZZLE_128B}) {
    Tensor t;
    t.swizzle = swizzle;
    t.box = {8u << swizzle, 24, 1, 1, 1};
    t.dims = {t.box[0] + 8, 40, 1, 1, 1};
    const Place start{4, 3, 0, 0, 0};
    for (const uint32_t place : {0, 128, 256, 384, 512, 896})
      if (!check_load(__FILE__, __LINE__, t, start, tile_elements(t, start), {}, place)) return;
  }
}

// Dimensions beyond 31 bits, and coordinates at their ends.
TEST(HopperTensorLoads, far_outside) {
  NEEDS_HOPPER();
  Tensor t;
  t.dims = {24, 6, 5, 1, 1};
  t.rank = 3;
  t.box = {16, 4, 2, 1, 1};
  for (const Place& start : {Place{INT32_MIN, 0, 0, 0, 0}, Place{INT32_MAX, 0, 0, 0, 0},
                             Place{0, INT32_MAX, 0, 0, 0}, Place{8, 2, INT32_MIN, 0, 0}})
    if (!CHECK_TILE(t, start)) return;
}

TEST(HopperTensorLoads, counters) {
  NEEDS_HOPPER();
  NEEDS_EMULATOR();
  Tensor t;
  t.type = CU_TENSOR_MAP_DATA_TYPE_FLOAT16;
  t.swizzle = CU_TENSOR_MAP_SWIZZLE_128B;
  t.dims = {64, 300, 1, 1, 1};
  t.box = {64, 256, 1, 1, 1};
  const auto counted = [&](const Place& start) { return count([&] { CHECK_TILE(t, start); }); };
  const cuemu_counters inside = counted({0, 40, 0, 0, 0});
  EXPECT_EQ(inside.tma_loads, uint64_t{1});
  EXPECT_EQ(inside.tma_load_bytes, uint64_t{32768});
  EXPECT_EQ(inside.tma_filled_bytes, uint64_t{0});
  EXPECT_EQ(inside.tma_global_sectors, uint64_t{1024});
  EXPECT_EQ(inside.multicast_bytes, uint64_t{0});
  // 56 rows and half of the channels are left.
  const cuemu_counters border = counted({32, 244, 0, 0, 0});
  EXPECT_EQ(border.tma_load_bytes, uint64_t{32768});
  EXPECT_EQ(border.tma_filled_bytes, uint64_t{32768 - 56 * 64});
  EXPECT_EQ(border.tma_global_sectors, uint64_t{56 * 2});
}

// --- Where the map comes from, and hints

__constant__ CUtensorMap constant_map;

// The map in global memory, or in constant memory for nullptr. Two loads, of which one has a cache policy, and prefetches.
__global__ void load_by_pointer(const CUtensorMap* given, uint16_t* out) {
  __shared__ alignas(8) uint64_t bits;
  __shared__ alignas(128) uint16_t memory[2][64];
  const CUtensorMap* map = given != nullptr ? given : &constant_map;
  const uint32_t barrier = hopper::address_of(&bits);
  if (threadIdx.x == 0) {
    hopper::init(barrier, 1);
    hopper::fence_init();
    asm volatile("prefetch.tensormap [%0];" ::"l"(map) : "memory");
    asm volatile("cp.async.bulk.prefetch.tensor.2d.L2.global.tile [%0, {%1, %2}];" ::"l"(map),
                 "r"(0), "r"(0)
                 : "memory");
    uint64_t policy;
    asm volatile("createpolicy.fractional.L2::evict_last.b64 %0, 1.0;" : "=l"(policy));
    hopper::arrive_expect(barrier, 256);
    asm volatile(
        "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes"
        ".L2::cache_hint [%0], [%1, {%2, %3}], [%4], %5;" ::"r"(hopper::address_of(memory[0])),
        "l"(map), "r"(8), "r"(2), "r"(barrier), "l"(policy)
        : "memory");
    load_tile(hopper::address_of(memory[1]), map, {16, 3, 0, 0, 0}, 2, barrier);
  }
  __syncwarp();
  hopper::wait(barrier, 0);
  for (int i = threadIdx.x; i < 128; i += 32) out[i] = memory[i / 64][i % 64];
}

TEST(HopperTensorLoads, maps_in_memory) {
  NEEDS_HOPPER();
  Tensor t;
  t.dims = {32, 8, 1, 1, 1};
  t.box = {16, 4, 1, 1, 1};
  std::vector<uint16_t> values(32 * 8);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<uint16_t>(i);
  const DeviceBuffer<uint16_t> data(values);
  // Made for another address, as a plan makes it, and given the right one then.
  CUtensorMap map = t.map(reinterpret_cast<void*>(uintptr_t{1} << 40));
  EXPECT_EQ(int(driver_function<decltype(cuTensorMapReplaceAddress)>("cuTensorMapReplaceAddress")(
                &map, data.get())),
            int(CUDA_SUCCESS));
  const DeviceBuffer<CUtensorMap> global(std::vector<CUtensorMap>{map});
  CUDA_OK(cudaMemcpyToSymbol(constant_map, &map, sizeof map));
  std::vector<uint16_t> expected;
  for (const int corner : {2 * 32 + 8, 3 * 32 + 16})
    for (int i = 0; i < 64; ++i) expected.push_back(corner + i / 16 * 32 + i % 16);
  for (const CUtensorMap* at :
       {static_cast<const CUtensorMap*>(global.get()), static_cast<const CUtensorMap*>(nullptr)}) {
    const auto out = zeroed<uint16_t>(128);
    LAUNCH(load_by_pointer, 1, 32, at, out.get());
    EXPECT_VALUES(out.download(), expected);
  }
}

// --- Multicast

// Block 1 of each cluster loads for those in the mask.
__global__ void multicast_kernel(const __grid_constant__ CUtensorMap map, uint32_t mask,
                                 uint32_t* out) {
  __shared__ alignas(8) uint64_t bits;
  __shared__ alignas(128) uint32_t memory[64];
  const uint32_t barrier = hopper::address_of(&bits);
  uint32_t rank;
  asm volatile("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
  memory[threadIdx.x] = memory[threadIdx.x + 32] = 7;
  hopper::fence_async();
  if (threadIdx.x == 0) {
    hopper::init(barrier, 1);
    hopper::fence_init();
    hopper::arrive_expect(barrier, (mask >> rank & 1) * 256);
  }
  hopper::cluster_sync();
  if (rank == 1 && threadIdx.x == 0)
    asm volatile(
        "cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes"
        ".multicast::cluster [%0], [%1, {%2, %3}], [%4], %5;" ::"r"(hopper::address_of(memory)),
        "l"(&map), "r"(2), "r"(1), "r"(barrier), "h"(static_cast<unsigned short>(mask))
        : "memory");
  hopper::wait(barrier, 0);
  out[blockIdx.x * 64 + threadIdx.x] = memory[threadIdx.x];
  out[blockIdx.x * 64 + 32 + threadIdx.x] = memory[threadIdx.x + 32];
}

Tensor words_tensor() {
  Tensor t;
  t.type = CU_TENSOR_MAP_DATA_TYPE_UINT32;
  t.element_bytes = 4;
  t.dims = {20, 9, 1, 1, 1};
  t.box = {16, 4, 1, 1, 1};
  return t;
}

TEST(HopperTensorLoads, multicast) {
  NEEDS_HOPPER();
  const Tensor t = words_tensor();
  std::vector<uint32_t> values(20 * 9);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<uint32_t>(1000 + i);
  const DeviceBuffer<uint32_t> data(values);
  for (const uint32_t mask : {0b0010u, 0b0001u, 0b0110u, 0b1011u, 0b1111u}) {
    const auto out = zeroed<uint32_t>(8 * 64);
    const cuemu_counters c = count([&] {
      CUDA_OK(
          hopper::launch_clusters(multicast_kernel, 8, 32, 4, t.map(data.get()), mask, out.get()));
    });
    std::vector<uint32_t> expected;
    for (unsigned block = 0; block < 8; ++block)
      for (unsigned i = 0; i < 64; ++i)
        expected.push_back((mask >> block % 4 & 1) != 0 ? 1000 + 20 * (1 + i / 16) + 2 + i % 16
                                                        : 7);
    EXPECT_VALUES(out.download(), expected);
    if (!cuemu_present()) continue;
    const auto blocks = static_cast<uint64_t>(__builtin_popcount(mask));
    EXPECT_EQ(c.tma_loads, uint64_t{2});
    EXPECT_EQ(c.tma_load_bytes, 2 * 256 * blocks);
    EXPECT_EQ(c.multicast_bytes, blocks > 1 ? 2 * 256 * blocks : 0);
    // Rows of 80 bytes, from byte 88 on: 64 bytes each in 3, 2, 3, 2 sectors, of which the last of one may be the first
    // of the next.
    std::vector<uint64_t> sectors;
    for (unsigned row = 1; row < 5; ++row)
      for (unsigned byte = 80 * row + 8; byte < 80 * row + 72; ++byte) sectors.push_back(byte / 32);
    sectors.erase(std::unique(sectors.begin(), sectors.end()), sectors.end());
    EXPECT_EQ(c.tma_global_sectors, 2 * uint64_t{sectors.size()});
  }
}

// --- What is wrong

struct Faulty {
  int place = 128, barrier = 0;  // in the block's shared memory
  int x = 0, y = 0;
  int map = 0;  // bytes from the map's address
};

__global__ void faulty_load(const __grid_constant__ CUtensorMap map, Faulty f) {
  __shared__ alignas(128) unsigned char memory[1024];
  const uint32_t base = hopper::address_of(memory);
  const char* at = reinterpret_cast<const char*>(&map) + f.map;
  hopper::init(base, 1);
  hopper::fence_init();
  hopper::arrive_expect(base, 256);
  asm volatile(
      "cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], "
      "[%1, {%2, %3}], [%4];" ::"r"(base + f.place),
      "l"(at), "r"(f.x), "r"(f.y), "r"(base + f.barrier)
      : "memory");
  hopper::wait(base, 0);
}
constexpr int kLoadLine = __LINE__ - 4;

std::string expect_load_fault(const char* file, int line, const char* kind, const Tensor& t,
                              void* data, const Faulty& f) {
  faulty_load<<<1, 1>>>(t.map(data), f);
  return expect_fault(file, line, {kind}, "faulty_load", {kLoadLine});
}
#define EXPECT_LOAD_FAULT(...) expect_load_fault(__FILE__, __LINE__, __VA_ARGS__)

TEST(HopperTensorLoads, faults_of_addresses) {
  NEEDS_HOPPER();
  NEEDS_EMULATOR();
  const Tensor t = words_tensor();
  const auto data = zeroed<uint32_t>(20 * 9);
  LAUNCH(faulty_load, 1, 1, t.map(data.get()), Faulty{});
  Faulty f;
  f.place = 192;
  EXPECT_LOAD_FAULT("misaligned-access", t, data.get(), f);
  f.place = 896;  // 128 bytes are left
  EXPECT_LOAD_FAULT("out-of-bounds", t, data.get(), f);
  f.place = -128;
  EXPECT_LOAD_FAULT("out-of-bounds", t, data.get(), f);
  f.place = 0;
  EXPECT_LOAD_FAULT("barrier-misuse", t, data.get(), f);
  f = {};
  f.barrier = 4;
  EXPECT_LOAD_FAULT("misaligned-access", t, data.get(), f);
  f.barrier = 8;  // where there is none
  EXPECT_LOAD_FAULT("barrier-misuse", t, data.get(), f);
  f = {};
  f.map = 32;
  EXPECT_LOAD_FAULT("misaligned-access", t, data.get(), f);
  f.map = 64;  // the second half of it
  EXPECT_LOAD_FAULT("out-of-bounds", t, data.get(), f);
  f.map = -64;
  EXPECT_LOAD_FAULT("out-of-bounds", t, data.get(), f);
}

TEST(HopperTensorLoads, faults_of_maps) {
  NEEDS_HOPPER();
  NEEDS_EMULATOR();
  const auto data = zeroed<uint32_t>(20 * 9);
  Tensor t = words_tensor();
  t.dims[1] = 10;  // a row more than there is
  Faulty f;
  f.y = 5;
  LAUNCH(faulty_load, 1, 1, t.map(data.get()), f);
  f.y = 6;
  EXPECT_LOAD_FAULT("out-of-bounds", t, data.get(), f);
  CUtensorMap nothing{};
  faulty_load<<<1, 1>>>(nothing, Faulty{});
  EXPECT_FAULT({"tensor-map-misuse"}, "faulty_load", {kLoadLine});
  t = words_tensor();
  t.rank = 3;
  EXPECT_LOAD_FAULT("tensor-map-misuse", t, data.get(), Faulty{});
  t = words_tensor();
  t.rank = 3;
  t.im2col = true;
  t.channels = 16, t.pixels = 4;
  EXPECT_LOAD_FAULT("tensor-map-misuse", t, data.get(), Faulty{});
}

TEST(HopperTensorLoads, open_questions) {
  NEEDS_HOPPER();
  NEEDS_EMULATOR();
  const auto data = zeroed<uint32_t>(20 * 9);
  Tensor t = words_tensor();
  t.type = CU_TENSOR_MAP_DATA_TYPE_FLOAT32;
  t.fill = CU_TENSOR_MAP_FLOAT_OOB_FILL_NAN_REQUEST_ZERO_FMA;
  Faulty f;
  LAUNCH(faulty_load, 1, 1, t.map(data.get()), f);
  f.x = -1;
  EXPECT_LOAD_FAULT("unprobed", t, data.get(), f);
  for (const CUtensorMapDataType type :
       {CU_TENSOR_MAP_DATA_TYPE_FLOAT32_FTZ, CU_TENSOR_MAP_DATA_TYPE_TFLOAT32,
        CU_TENSOR_MAP_DATA_TYPE_TFLOAT32_FTZ}) {
    t = words_tensor();
    t.type = type;
    EXPECT_LOAD_FAULT("unprobed", t, data.get(), Faulty{});
  }
  t = words_tensor();  // rows of 64 bytes
  t.swizzle = CU_TENSOR_MAP_SWIZZLE_64B;
  LAUNCH(faulty_load, 1, 1, t.map(data.get()), Faulty{});
  t.swizzle = CU_TENSOR_MAP_SWIZZLE_128B;
  EXPECT_LOAD_FAULT("unprobed", t, data.get(), Faulty{});
}

__global__ void multicast_outside(const __grid_constant__ CUtensorMap map, uint32_t mask) {
  __shared__ alignas(8) uint64_t bits;
  __shared__ alignas(128) uint32_t memory[64];
  const uint32_t barrier = hopper::address_of(&bits);
  hopper::init(barrier, 1);
  hopper::fence_init();
  hopper::cluster_sync();
  asm volatile(
      "cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes"
      ".multicast::cluster [%0], [%1, {%2, %3}], [%4], %5;" ::"r"(hopper::address_of(memory)),
      "l"(&map), "r"(0), "r"(0), "r"(barrier), "h"(static_cast<unsigned short>(mask))
      : "memory");
}
constexpr int kMulticastLine = __LINE__ - 3;

TEST(HopperTensorLoads, multicast_to_blocks_that_are_not_there) {
  NEEDS_HOPPER();
  NEEDS_EMULATOR();
  const Tensor t = words_tensor();
  const auto data = zeroed<uint32_t>(20 * 9);
  CUDA_OK(hopper::launch_clusters(multicast_outside, 2, 1, 2, t.map(data.get()), 0b111u));
  EXPECT_FAULT({"out-of-bounds"}, "multicast_outside", {kMulticastLine});
  CUDA_OK(hopper::launch_clusters(multicast_outside, 2, 1, 2, t.map(data.get()), 0u));
  EXPECT_FAULT({"unprobed"}, "multicast_outside", {kMulticastLine});
}

}  // namespace tensor_load_tests
