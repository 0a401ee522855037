// SPDX-License-Identifier: MIT
// Bulk copies without a tensor: loads, multicast, stores, sums, from block to block, and what is wrong with them.
#include <cmath>
#include <limits>
#include <tuple>

#include "../support/counting.cuh"
#include "../support/faults.hpp"
#include "../support/float_formats.hpp"
#include "../support/hopper.cuh"

using namespace cuemu_tests;

namespace bulk_copy_tests {

using namespace hopper;

__device__ void bulk_load(uint32_t to, const void* from, uint32_t bytes, uint32_t barrier) {
  asm volatile(
      "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::
          "r"(to),
      "l"(from), "r"(bytes), "r"(barrier)
      : "memory");
}

__device__ void bulk_store(void* to, uint32_t from, uint32_t bytes) {
  asm volatile("cp.async.bulk.global.shared::cta.bulk_group [%0], [%1], %2;" ::"l"(to), "r"(from),
               "r"(bytes)
               : "memory");
}

__device__ void commit_bulk() {
  asm volatile("cp.async.bulk.commit_group;" ::: "memory");
}

// --- Loads and stores: a ring of stages through which everything goes once, up to three stores under way

constexpr uint32_t kWords = 512;

__global__ void copy_by_pieces(const uint32_t* from, uint32_t* to, int pieces, uint32_t words) {
  __shared__ alignas(16) uint32_t stage[4][kWords];
  __shared__ alignas(8) uint64_t full[4];
  if (threadIdx.x == 0) {
    for (uint64_t& barrier : full) init(address_of(&barrier), 1);
    fence_init();
    for (int i = 0; i < pieces; ++i) {
      const int s = i % 4;
      // The store of four pieces ago has read its stage: three may still do so.
      asm volatile("cp.async.bulk.wait_group.read 3;" ::: "memory");
      asm volatile("cp.async.bulk.prefetch.L2.global [%0], %1;" ::"l"(from + i * words),
                   "r"(words * 4)
                   : "memory");
      arrive_expect(address_of(&full[s]), words * 4);
      // Two halves, the first as long as possible with a multiple of 16 bytes.
      const uint32_t half = words / 8 * 4;
      if (half != 0)
        bulk_load(address_of(stage[s]), from + i * words, half * 4, address_of(&full[s]));
      bulk_load(address_of(stage[s] + half), from + i * words + half, (words - half) * 4,
                address_of(&full[s]));
      wait(address_of(&full[s]), i / 4 % 2);
      bulk_store(to + i * words, address_of(stage[s]), words * 4);
      commit_bulk();
    }
    asm volatile("cp.async.bulk.wait_group 0;" ::: "memory");
  }
}

TEST(HopperBulkCopies, loads_and_stores) {
  NEEDS_HOPPER();
  for (const uint32_t words : {4u, 12u, 100u, kWords}) {
    const int pieces = 13;
    std::vector<uint32_t> values(pieces * words);
    for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<uint32_t>(i * 2654435761u);
    const DeviceBuffer<uint32_t> from(values);
    const auto to = zeroed<uint32_t>(values.size());
    const cuemu_counters c =
        count([&] { copy_by_pieces<<<1, 32>>>(from.get(), to.get(), pieces, words); });
    EXPECT_VALUES(to.download(), values);
    if (!cuemu_present()) continue;
    EXPECT_EQ(c.tma_loads, uint64_t(pieces) * (words >= 8 ? 2 : 1));
    EXPECT_EQ(c.tma_load_bytes, uint64_t{values.size() * 4});
    EXPECT_EQ(c.tma_stores, uint64_t(pieces));
    EXPECT_EQ(c.tma_store_bytes, uint64_t{values.size() * 4});
    EXPECT_EQ(c.tma_filled_bytes, uint64_t{0});
  }
}

// --- Several lanes, each with a copy of its own

__global__ void lanes_load(const uint32_t* from, uint32_t* out) {
  __shared__ alignas(16) uint32_t memory[32][4];
  __shared__ alignas(8) uint64_t bits;
  const uint32_t barrier = address_of(&bits), lane = threadIdx.x;
  if (lane == 0) {
    init(barrier, 1);
    fence_init();
    arrive_expect(barrier, 11 * 16);
  }
  __syncwarp();
  if (lane % 3 == 1) bulk_load(address_of(memory[lane]), from + 4 * (31 - lane), 16, barrier);
  wait(barrier, 0);
  for (int i = 0; i < 4; ++i) out[4 * lane + i] = lane % 3 == 1 ? memory[lane][i] : 5;
}

TEST(HopperBulkCopies, lanes_have_copies_of_their_own) {
  NEEDS_HOPPER();
  std::vector<uint32_t> values(128), expected(128, 5);
  for (uint32_t i = 0; i < 128; ++i) values[i] = 100 + i;
  for (uint32_t lane = 1; lane < 32; lane += 3)
    for (uint32_t i = 0; i < 4; ++i) expected[4 * lane + i] = 100 + 4 * (31 - lane) + i;
  const DeviceBuffer<uint32_t> from(values);
  const auto out = zeroed<uint32_t>(128);
  LAUNCH(lanes_load, 1, 32, from.get(), out.get());
  EXPECT_VALUES(out.download(), expected);
}

// --- Clusters

// Block 0 sends to the mask, with a cache policy; then each block sends 64 bytes to the next.
__global__ void exchange(const uint32_t* from, uint32_t mask, uint32_t* out) {
  __shared__ alignas(16) uint32_t received[32], own[16], next[16];
  __shared__ alignas(8) uint64_t bits[2];
  const uint32_t rank = cluster_rank(), lane = threadIdx.x;
  received[lane] = 9;
  if (lane < 16) own[lane] = 1000 * rank + lane;
  fence_async();
  if (lane == 0) {
    init(address_of(&bits[0]), 1);
    init(address_of(&bits[1]), 1);
    fence_init();
    arrive_expect(address_of(&bits[0]), (mask >> rank & 1) * 128);
    arrive_expect(address_of(&bits[1]), 64);
  }
  cluster_sync();
  if (lane == 0) {
    uint64_t policy;
    asm volatile("createpolicy.fractional.L2::evict_first.b64 %0, 1.0;" : "=l"(policy));
    if (rank == 0)
      asm volatile(
          "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster"
          ".L2::cache_hint [%0], [%1], %2, [%3], %4, %5;" ::"r"(address_of(received)),
          "l"(from), "r"(128), "r"(address_of(&bits[0])), "h"(static_cast<unsigned short>(mask)),
          "l"(policy)
          : "memory");
    const uint32_t to = (rank + 1) % 4;
    asm volatile(
        "cp.async.bulk.shared::cluster.shared::cta.mbarrier::complete_tx::bytes [%0], [%1], %2, "
        "[%3];" ::"r"(map_to(address_of(next), to)),
        "r"(address_of(own)), "r"(64), "r"(map_to(address_of(&bits[1]), to))
        : "memory");
  }
  wait(address_of(&bits[0]), 0);
  wait(address_of(&bits[1]), 0);
  out[48 * blockIdx.x + lane] = received[lane];
  if (lane < 16) out[48 * blockIdx.x + 32 + lane] = next[lane];
  cluster_sync();
}

TEST(HopperBulkCopies, to_other_blocks) {
  NEEDS_HOPPER();
  std::vector<uint32_t> values(32);
  for (uint32_t i = 0; i < 32; ++i) values[i] = 70 + i;
  const DeviceBuffer<uint32_t> from(values);
  for (const uint32_t mask : {0b0011u, 0b1000u, 0b1111u}) {
    const auto out = zeroed<uint32_t>(8 * 48);
    const cuemu_counters c =
        count([&] { CUDA_OK(launch_clusters(exchange, 8, 32, 4, from.get(), mask, out.get())); });
    std::vector<uint32_t> expected;
    for (uint32_t block = 0; block < 8; ++block) {
      for (uint32_t i = 0; i < 32; ++i)
        expected.push_back((mask >> block % 4 & 1) != 0 ? 70 + i : 9);
      for (uint32_t i = 0; i < 16; ++i) expected.push_back((block + 3) % 4 * 1000 + i);
    }
    EXPECT_VALUES(out.download(), expected);
    if (!cuemu_present()) continue;
    const auto blocks = static_cast<uint64_t>(__builtin_popcount(mask));
    EXPECT_EQ(c.tma_loads, uint64_t{2});
    EXPECT_EQ(c.multicast_bytes, blocks > 1 ? 2 * 128 * blocks : 0);
    EXPECT_EQ(c.tma_global_sectors, uint64_t{2 * 4});
  }
}

// --- Reductions

enum class Form : int { add, min, max, inc, dec, conjunction, disjunction, exclusive };

#define REDUCE(operation, type)                                                         \
  asm volatile("cp.reduce.async.bulk.global.shared::cta.bulk_group." operation "." type \
               " [%0], [%1], %2;" ::"l"(to),                                            \
               "r"(from), "r"(bytes)                                                    \
               : "memory")

// `type` counts through those below.
__device__ void reduce(int type, Form form, void* to, uint32_t from, uint32_t bytes) {
#define CASE(number, wanted, operation, name) \
  if (type == number && form == Form::wanted) REDUCE(operation, name)
  CASE(0, add, "add", "u32");
  CASE(0, min, "min", "u32");
  CASE(0, max, "max", "u32");
  CASE(0, inc, "inc", "u32");
  CASE(0, dec, "dec", "u32");
  CASE(0, conjunction, "and", "b32");
  CASE(0, disjunction, "or", "b32");
  CASE(0, exclusive, "xor", "b32");
  CASE(1, add, "add", "s32");
  CASE(1, min, "min", "s32");
  CASE(1, max, "max", "s32");
  CASE(2, add, "add", "u64");
  CASE(2, min, "min", "u64");
  CASE(2, max, "max", "u64");
  CASE(2, conjunction, "and", "b64");
  CASE(2, disjunction, "or", "b64");
  CASE(2, exclusive, "xor", "b64");
  CASE(3, min, "min", "s64");
  CASE(3, max, "max", "s64");
  CASE(4, add, "add", "f32");
  CASE(5, add, "add", "f64");
  CASE(6, add, "add.noftz", "f16");
  CASE(6, min, "min", "f16");
  CASE(6, max, "max", "f16");
  CASE(7, add, "add.noftz", "bf16");
  CASE(7, min, "min", "bf16");
  CASE(7, max, "max", "bf16");
#undef CASE
}

constexpr uint32_t kBytes = 1024;

__global__ void reduce_kernel(int type, Form form, const uint4* values, void* sums) {
  __shared__ uint4 memory[kBytes / 16];
  for (uint32_t i = threadIdx.x; i < kBytes / 16; i += 32) memory[i] = values[i];
  fence_async();
  __syncwarp();
  if (threadIdx.x == 0) {
    reduce(type, form, sums, address_of(memory), kBytes);
    commit_bulk();
    asm volatile("cp.async.bulk.wait_group 0;" ::: "memory");
  }
}

template <class T, class Combine>
void check_reduction(const char* file, int line, int type, Form form, const std::vector<T>& start,
                     const std::vector<T>& values, Combine combine) {
  const DeviceBuffer<T> sums(start), added(values);
  LAUNCH(reduce_kernel, 1, 32, type, form, reinterpret_cast<const uint4*>(added.get()),
         static_cast<void*>(sums.get()));
  const std::vector<T> actual = sums.download();
  for (size_t i = 0; i < actual.size(); ++i)
    if (!expect_equal(file, line, "element", actual[i], combine(start[i], values[i]),
                      "at " + std::to_string(i) + ", type " + std::to_string(type) + ", form " +
                          std::to_string(int(form))))
      return;
}

// Random bits, and pairs of equal numbers, of zeros and of the extremes.
template <class T>
std::vector<T> integers(u64 seed, T third) {
  Random random(seed);
  std::vector<T> values(kBytes / sizeof(T));
  for (T& v : values) v = static_cast<T>(random.next());
  values[0] = values[1] = 0;
  values[2] = third;
  values[3] = 17;
  values[4] = std::numeric_limits<T>::max();
  values[5] = std::numeric_limits<T>::min();
  return values;
}

template <class T>
void check_integers(const char* file, int line, int type, const std::vector<Form>& forms) {
  using U = std::make_unsigned_t<T>;
  for (const Form form : forms)
    check_reduction<T>(file, line, type, form, integers<T>(1, 0), integers<T>(2, 16),
                       [form](T old, T value) -> T {
                         switch (form) {
                           case Form::add:
                             return T(U(old) + U(value));
                           case Form::min:
                             return old < value ? old : value;
                           case Form::max:
                             return old < value ? value : old;
                           case Form::inc:
                             return old >= value ? T(0) : T(old + 1);
                           case Form::dec:
                             return old == 0 || old > value ? value : T(old - 1);
                           case Form::conjunction:
                             return old & value;
                           case Form::disjunction:
                             return old | value;
                           case Form::exclusive:
                             return old ^ value;
                         }
                         return 0;
                       });
}

TEST(HopperBulkCopies, reductions_of_integers) {
  NEEDS_HOPPER();
  const std::vector<Form> ordered{Form::min, Form::max}, sums{Form::add, Form::min, Form::max};
  std::vector<Form> bits{Form::add,         Form::min,         Form::max,
                         Form::conjunction, Form::disjunction, Form::exclusive};
  check_integers<u64>(__FILE__, __LINE__, 2, bits);
  bits.push_back(Form::inc);
  bits.push_back(Form::dec);
  check_integers<uint32_t>(__FILE__, __LINE__, 0, bits);
  check_integers<int32_t>(__FILE__, __LINE__, 1, sums);
  check_integers<s64>(__FILE__, __LINE__, 3, ordered);
}

// Finite numbers of every size, subnormal ones among them.
std::vector<uint16_t> narrow_floats(u64 seed, int infinity) {
  Random random(seed);
  std::vector<uint16_t> bits(kBytes / 2);
  for (uint16_t& b : bits)
    b = static_cast<uint16_t>(random.between(0, infinity - 1) | random.between(0, 1) << 15);
  for (int i = 0; i < 8; ++i) bits[i] = static_cast<uint16_t>(i + 1 | i % 2 << 15);
  return bits;
}

TEST(HopperBulkCopies, reductions_of_floats) {
  NEEDS_HOPPER();
  Random random(5);
  std::vector<float> a(kBytes / 4), b(kBytes / 4);
  for (size_t i = 0; i < a.size(); ++i) {
    a[i] = std::ldexp(float(random.between(-(1 << 23), 1 << 23)), random.between(-150, 40));
    b[i] = std::ldexp(float(random.between(-(1 << 23), 1 << 23)), random.between(-150, 40));
  }
  // Subnormal numbers go, and where they are sums of normal ones.
  a[0] = 0x1p-127f, b[0] = 1;
  a[1] = 0x1.8p-126f, b[1] = -0x1p-126f;
  a[2] = -0x1p-130f, b[2] = -0x1p-130f;
  const auto flush = [](float v) { return std::fabs(v) < 0x1p-126f ? std::copysign(0.0f, v) : v; };
  check_reduction<float>(__FILE__, __LINE__, 4, Form::add, a, b,
                         [&](float x, float y) { return flush(flush(x) + flush(y)); });
  std::vector<double> c(kBytes / 8), d(kBytes / 8);
  for (size_t i = 0; i < c.size(); ++i)
    c[i] = random.between(-(1 << 30), 1 << 30) * 0x1p-1040,
    d[i] = random.between(-(1 << 30), 1 << 30) * 0x1p-1060;
  check_reduction<double>(__FILE__, __LINE__, 5, Form::add, c, d,
                          [](double x, double y) { return x + y; });
  for (const auto& [type, format, infinity] :
       {std::tuple(6, kF16, 0x7C00), std::tuple(7, kBf16, 0x7F80)}) {
    const std::vector<uint16_t> x = narrow_floats(7, infinity), y = narrow_floats(8, infinity);
    check_reduction<uint16_t>(
        __FILE__, __LINE__, type, Form::add, x, y, [format = format](uint16_t p, uint16_t q) {
          return encode(add_round_to_odd(decode(p, format), decode(q, format)), format);
        });
    for (const Form form : {Form::min, Form::max})
      check_reduction<uint16_t>(
          __FILE__, __LINE__, type, form, x, y, [format = format, form](uint16_t p, uint16_t q) {
            return (decode(p, format) < decode(q, format)) == (form == Form::min) ? p : q;
          });
  }
}

// All blocks add to the same place.
__global__ void add_ones(uint32_t* sums) {
  __shared__ alignas(16) uint32_t ones[64];
  ones[threadIdx.x] = ones[threadIdx.x + 32] = 1;
  fence_async();
  __syncwarp();
  if (threadIdx.x == 0) {
    for (int i = 0; i < 3; ++i)
      asm volatile(
          "cp.reduce.async.bulk.global.shared::cta.bulk_group.add.u32 [%0], [%1], %2;" ::"l"(sums),
          "r"(address_of(ones)), "r"(256)
          : "memory");
    commit_bulk();
    asm volatile("cp.async.bulk.wait_group 0;" ::: "memory");
  }
}

TEST(HopperBulkCopies, reductions_are_atomic) {
  NEEDS_HOPPER();
  const auto sums = zeroed<uint32_t>(64);
  LAUNCH(add_ones, 200, 32, sums.get());
  EXPECT_VALUES(sums.download(), std::vector<uint32_t>(64, 600));
}

// --- What is wrong

struct Faulty {
  int from = 0, to = 16, bytes = 64;  // of 256 bytes in global and in shared memory
  int barrier = 0;
};

__global__ void faulty_load(const char* data, Faulty f) {
  __shared__ alignas(16) unsigned char memory[256];
  const uint32_t base = address_of(memory);
  init(base, 1);
  fence_init();
  arrive_expect(base, f.bytes);
  asm volatile(
      "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::
          "r"(base + f.to),
      "l"(data + f.from), "r"(f.bytes), "r"(base + f.barrier)
      : "memory");
  wait(base, 0);
}
constexpr int kLoadLine = __LINE__ - 4;

__global__ void faulty_store(char* data, Faulty f) {
  __shared__ alignas(16) unsigned char memory[256];
  for (int i = 0; i < 256; ++i) memory[i] = 1;
  fence_async();
  asm volatile("cp.async.bulk.global.shared::cta.bulk_group [%0], [%1], %2;" ::"l"(data + f.from),
               "r"(address_of(memory) + f.to), "r"(f.bytes)
               : "memory");
  asm volatile("cp.async.bulk.commit_group;\ncp.async.bulk.wait_group 0;" ::: "memory");
}
constexpr int kStoreLine = __LINE__ - 4;

TEST(HopperBulkCopies, faults) {
  NEEDS_HOPPER();
  NEEDS_EMULATOR();
  const auto data = zeroed<char>(256);
  LAUNCH(faulty_load, 1, 1, data.get(), Faulty{});
  LAUNCH(faulty_store, 1, 1, data.get(), Faulty{});
  using Field = int Faulty::*;
  const auto changed = [](Field what, int value) {
    Faulty f;
    f.*what = value;
    return f;
  };
  const struct {
    Field what;
    int value;
    const char* kind;
  } faults[] = {{&Faulty::from, 8, "misaligned-access"}, {&Faulty::from, 208, "out-of-bounds"},
                {&Faulty::from, -16, "out-of-bounds"},   {&Faulty::to, 24, "misaligned-access"},
                {&Faulty::to, 208, "out-of-bounds"},     {&Faulty::bytes, 24, "misaligned-access"},
                {&Faulty::bytes, 272, "out-of-bounds"},  {&Faulty::bytes, 0, "unprobed"}};
  for (const auto& [what, value, kind] : faults) {
    faulty_load<<<1, 1>>>(data.get(), changed(what, value));
    EXPECT_FAULT({kind}, "faulty_load", {kLoadLine});
    faulty_store<<<1, 1>>>(data.get(), changed(what, value));
    EXPECT_FAULT({kind}, "faulty_store", {kStoreLine});
  }
  faulty_load<<<1, 1>>>(data.get(), changed(&Faulty::barrier, 4));
  EXPECT_FAULT({"misaligned-access"}, "faulty_load", {kLoadLine});
  faulty_load<<<1, 1>>>(data.get(), changed(&Faulty::barrier, 128));
  EXPECT_FAULT({"barrier-misuse"}, "faulty_load", {kLoadLine});
  faulty_load<<<1, 1>>>(data.get(), changed(&Faulty::to, 0));
  EXPECT_FAULT({"barrier-misuse"}, "faulty_load", {kLoadLine});
}

__global__ void signals_elsewhere(const char* data) {
  __shared__ alignas(16) unsigned char memory[64];
  __shared__ alignas(8) uint64_t bits;
  init(address_of(&bits), 1);
  fence_init();
  cluster_sync();
  asm volatile(
      "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::
          "r"(address_of(memory)),
      "l"(data), "r"(64), "r"(map_to(address_of(&bits), cluster_rank() ^ 1))
      : "memory");
}
constexpr int kSignalLine = __LINE__ - 3;

TEST(HopperBulkCopies, an_mbarrier_of_another_block) {
  NEEDS_HOPPER();
  NEEDS_EMULATOR();
  const auto data = zeroed<char>(64);
  CUDA_OK(launch_clusters(signals_elsewhere, 2, 1, 2, data.get()));
  EXPECT_FAULT({"barrier-misuse"}, "signals_elsewhere", {kSignalLine});
}

}  // namespace bulk_copy_tests
