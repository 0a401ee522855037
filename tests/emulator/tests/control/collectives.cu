// SPDX-License-Identifier: MIT
// Exchange within a warp: shuffles, votes, matches, reductions, on the whole warp and on parts of
// it.
#include <algorithm>
#include <string>

#include "support/device.cuh"
#include "support/operand_types.hpp"

using namespace cuemu_tests;

namespace {

constexpr unsigned kAll = 0xffffffff;

enum class Shuffle { kIndex, kUp, kDown, kXor };

template <Shuffle kKind>
__global__ void shuffle(int* out, int operand, int width) {
  const int lane = threadIdx.x, value = 1000 + lane;
  int result = 0;
  if (kKind == Shuffle::kIndex) result = __shfl_sync(kAll, value, operand + lane, width);
  if (kKind == Shuffle::kUp) result = __shfl_up_sync(kAll, value, operand, width);
  if (kKind == Shuffle::kDown) result = __shfl_down_sync(kAll, value, operand, width);
  if (kKind == Shuffle::kXor) result = __shfl_xor_sync(kAll, value, operand, width);
  out[lane] = result;
}

// The lane whose value arrives: within the segment of `width` lanes, else one's own.
int source_lane(Shuffle kind, int lane, int operand, int width) {
  const int base = lane / width * width, index = lane % width;
  switch (kind) {
    case Shuffle::kIndex:
      return base + (operand + lane) % width;
    case Shuffle::kUp:
      return index - operand < 0 ? lane : lane - operand;
    case Shuffle::kDown:
      return index + operand >= width ? lane : lane + operand;
    case Shuffle::kXor: {
      // A partner in a later segment is out of reach, one in an earlier segment is not.
      const int partner = lane ^ operand;
      return partner >= base + width ? lane : partner;
    }
  }
  return -1;
}

template <Shuffle kKind>
void expect_shuffles(const char* file, int line) {
  const DeviceBuffer<int> out(32);
  for (int width : {32, 16, 8, 4, 2, 1}) {
    for (int operand : {0, 1, 3, 5, 16, 31}) {
      shuffle<kKind><<<1, 32>>>(out.get(), operand, width);
      expect_success(file, line, "shuffle", cudaDeviceSynchronize());
      const std::vector<int> values = out.download();
      for (int lane = 0; lane < 32; ++lane) {
        if (!expect_equal(file, line, "shuffled", values[lane],
                          1000 + source_lane(kKind, lane, operand, width),
                          "lane " + std::to_string(lane) + ", operand " + std::to_string(operand) +
                              ", width " + std::to_string(width))) {
          return;
        }
      }
    }
  }
}

TEST(Collectives, shuffle_by_index) {
  expect_shuffles<Shuffle::kIndex>(__FILE__, __LINE__);
}
TEST(Collectives, shuffle_up) {
  expect_shuffles<Shuffle::kUp>(__FILE__, __LINE__);
}
TEST(Collectives, shuffle_down) {
  expect_shuffles<Shuffle::kDown>(__FILE__, __LINE__);
}
TEST(Collectives, shuffle_xor) {
  expect_shuffles<Shuffle::kXor>(__FILE__, __LINE__);
}

// The predicate says whether the source lane was in range.
__global__ void shuffle_with_predicate(unsigned* out) {
  unsigned value, valid;
  asm volatile(
      "{.reg .pred p;\n shfl.sync.down.b32 %0|p, %2, 3, 0x181f, -1;\n selp.u32 %1, 1, 0, p;\n}"
      : "=r"(value), "=r"(valid)
      : "r"(threadIdx.x));
  out[threadIdx.x] = value * 2 + valid;
}

TEST(Collectives, shuffle_predicate) {
  const DeviceBuffer<unsigned> out(32);
  LAUNCH(shuffle_with_predicate, 1, 32, out.get());
  const std::vector<unsigned> values = out.download();
  for (unsigned lane = 0; lane < 32; ++lane) {  // segments of 8: the mask in c is 0x18
    const bool valid = lane % 8 + 3 < 8;
    EXPECT_EQ(values[lane], (valid ? lane + 3 : lane) * 2 + valid);
  }
}

__global__ void shuffle_wide_types(double* doubles, long long* integers, float* floats) {
  const int lane = threadIdx.x;
  doubles[lane] = __shfl_xor_sync(kAll, lane + 0.125, 7);
  integers[lane] = __shfl_sync(kAll, (1ll << 40) + lane, 31 - lane);
  float sum = static_cast<float>(lane);
  for (int offset = 16; offset > 0; offset /= 2) sum += __shfl_down_sync(kAll, sum, offset);
  floats[lane] = __shfl_sync(kAll, sum, 0);
}

TEST(Collectives, shuffles_of_wide_types_and_tree_sum) {
  const DeviceBuffer<double> doubles(32);
  const DeviceBuffer<long long> integers(32);
  const DeviceBuffer<float> floats(32);
  LAUNCH(shuffle_wide_types, 1, 32, doubles.get(), integers.get(), floats.get());
  const auto d = doubles.download();
  const auto l = integers.download();
  const auto f = floats.download();
  for (int lane = 0; lane < 32; ++lane) {
    EXPECT_EQ(d[lane], (lane ^ 7) + 0.125);
    EXPECT_EQ(l[lane], (1ll << 40) + 31 - lane);
    EXPECT_EQ(f[lane], 496.0f);
  }
}

__global__ void vote(unsigned* out, unsigned set) {
  const unsigned lane = threadIdx.x;
  const bool mine = set >> lane & 1;
  out[lane] = __all_sync(kAll, mine) | __any_sync(kAll, mine) << 1;
  out[32 + lane] = __ballot_sync(kAll, mine);
  unsigned uniform;
  asm volatile(
      "{.reg .pred p, q;\n setp.ne.u32 p, %1, 0;\n vote.sync.uni.pred q, p, -1;\n selp.u32 %0, 1, "
      "0, q;\n}"
      : "=r"(uniform)
      : "r"(unsigned(mine)));
  out[64 + lane] = uniform;
}

TEST(Collectives, votes) {
  const DeviceBuffer<unsigned> out(96);
  for (unsigned set : {0u, 1u, 0x80000000u, 0x0f0ff00fu, 0xfffffffeu, kAll}) {
    LAUNCH(vote, 1, 32, out.get(), set);
    const std::vector<unsigned> values = out.download();
    for (int lane = 0; lane < 32; ++lane) {
      EXPECT_EQ(values[lane], unsigned(set == kAll) | unsigned(set != 0) << 1);
      EXPECT_EQ(values[32 + lane], set);
      EXPECT_EQ(values[64 + lane], unsigned(set == kAll || set == 0));
    }
  }
}

__global__ void match(unsigned* out) {
  const unsigned lane = threadIdx.x;
  out[lane] = __match_any_sync(kAll, lane % 5);
  int same = -1;
  out[32 + lane] = __match_all_sync(kAll, 77, &same) + (same != 0);  // all ones + 1
  out[64 + lane] = __match_all_sync(kAll, lane / 31, &same) + 10 * (same != 0);
  out[96 + lane] = __match_any_sync(kAll, 1ull << (32 + lane / 8));
}

TEST(Collectives, matches) {
  const DeviceBuffer<unsigned> out(128);
  LAUNCH(match, 1, 32, out.get());
  const std::vector<unsigned> values = out.download();
  for (unsigned lane = 0; lane < 32; ++lane) {
    unsigned equal = 0;
    for (unsigned other = lane % 5; other < 32; other += 5) equal |= 1u << other;
    EXPECT_EQ(values[lane], equal);
    EXPECT_EQ(values[32 + lane], 0u);
    EXPECT_EQ(values[64 + lane], 0u);
    EXPECT_EQ(values[96 + lane], 0xffu << (lane / 8 * 8));
  }
}

__global__ void reduce(int* out, const int* in) {
  const int lane = threadIdx.x, value = in[lane];
  out[0] = __reduce_add_sync(kAll, value);
  out[1] = __reduce_min_sync(kAll, value);
  out[2] = __reduce_max_sync(kAll, value);
  out[3] = static_cast<int>(__reduce_min_sync(kAll, static_cast<unsigned>(value)));
  out[4] = static_cast<int>(__reduce_max_sync(kAll, static_cast<unsigned>(value)));
  out[5] = static_cast<int>(__reduce_and_sync(kAll, static_cast<unsigned>(value)));
  out[6] = static_cast<int>(__reduce_or_sync(kAll, static_cast<unsigned>(value)));
  out[7] = static_cast<int>(__reduce_xor_sync(kAll, static_cast<unsigned>(value)));
}

TEST(Collectives, integer_reductions) {
  std::vector<int> values;
  Random random(9);
  for (int i = 0; i < 32; ++i) values.push_back(static_cast<int>(random.next()) | 0x100);
  unsigned sum = 0, low = kAll, high = 0, conjunction = kAll, disjunction = 0, parity = 0;
  for (int value : values) {
    const auto bits = static_cast<unsigned>(value);
    sum += bits, low = std::min(low, bits), high = std::max(high, bits);
    conjunction &= bits, disjunction |= bits, parity ^= bits;
  }
  const DeviceBuffer<int> in(values), out(8);
  LAUNCH(reduce, 1, 32, out.get(), in.get());
  EXPECT_VALUES(out.download(), {int(sum), *std::min_element(values.begin(), values.end()),
                                 *std::max_element(values.begin(), values.end()), int(low),
                                 int(high), int(conjunction), int(disjunction), int(parity)});
}

// Groups of a divergent warp, each with its own mask, in different branches.
__global__ void work_in_subsets(int* out) {
  const int lane = threadIdx.x;
  const unsigned odd = 0xaaaaaaaa, even = 0x55555555;
  if (lane % 2 == 1) {
    __syncwarp(odd);
    const int from = __shfl_sync(odd, lane * 10, 31);
    out[lane] = from + __popc(__ballot_sync(odd, lane > 16)) + __reduce_add_sync(odd, 1);
    out[32 + lane] = static_cast<int>(__activemask() & even);
  } else {
    out[lane] = __reduce_max_sync(even, lane) * 100 + __any_sync(even, lane == 4) +
                __all_sync(even, lane % 2 == 0);
    __syncwarp(even);
    out[32 + lane] = static_cast<int>(__activemask() & odd);
  }
  __syncwarp();
  out[64 + lane] = static_cast<int>(__ballot_sync(kAll, 1));
}

TEST(Collectives, subsets_of_a_warp) {
  const DeviceBuffer<int> out(96);
  LAUNCH(work_in_subsets, 1, 32, out.get());
  const std::vector<int> values = out.download();
  for (int lane = 0; lane < 32; ++lane) {
    EXPECT_EQ(values[lane], lane % 2 == 1 ? 310 + 8 + 16 : 3002);
    EXPECT_EQ(values[32 + lane], 0);  // lanes of the other branch are never active here
    EXPECT_EQ(values[64 + lane], -1);
  }
}

// The members of the mask come from different places of the program.
__global__ void meet_from_two_branches(int* out) {
  const int lane = threadIdx.x;
  int value;
  if (lane < 8) {
    value = lane;
    for (int i = 0; i < 10; ++i) value = value * 3 % 101;
  } else {
    value = 500 + lane;
  }
  out[lane] = __shfl_xor_sync(kAll, value, 16) + __shfl_up_sync(kAll, value, 1) % 7;
}

TEST(Collectives, lanes_meet_after_different_branches) {
  const DeviceBuffer<int> out(32);
  LAUNCH(meet_from_two_branches, 1, 32, out.get());
  int value[32];
  for (int lane = 0; lane < 32; ++lane) {
    value[lane] = lane < 8 ? lane : 500 + lane;
    for (int i = 0; lane < 8 && i < 10; ++i) value[lane] = value[lane] * 3 % 101;
  }
  std::vector<int> expected;
  for (int lane = 0; lane < 32; ++lane)
    expected.push_back(value[lane ^ 16] + value[lane == 0 ? 0 : lane - 1] % 7);
  EXPECT_VALUES(out.download(), expected);
}

__global__ void read_lane_masks(unsigned* out) {
  unsigned lt, le, eq, ge, gt;
  asm volatile(
      "mov.u32 %0, %%lanemask_lt;\n mov.u32 %1, %%lanemask_le;\n mov.u32 %2, %%lanemask_eq;\n"
      " mov.u32 %3, %%lanemask_ge;\n mov.u32 %4, %%lanemask_gt;"
      : "=r"(lt), "=r"(le), "=r"(eq), "=r"(ge), "=r"(gt));
  const unsigned bit = 1u << threadIdx.x;
  out[threadIdx.x] = lt == bit - 1 && le == (bit - 1 | bit) && eq == bit && ge == ~(bit - 1) &&
                     gt == ~(bit - 1 | bit);
  out[32 + threadIdx.x] = __activemask();
}

TEST(Collectives, lane_masks_of_a_partial_warp) {
  const DeviceBuffer<unsigned> out(64);
  LAUNCH(read_lane_masks, 1, 20, out.get());
  const std::vector<unsigned> values = out.download();
  for (int lane = 0; lane < 20; ++lane) {
    EXPECT_EQ(values[lane], 1u);
    EXPECT_EQ(values[32 + lane], 0xfffffu);
  }
}

}  // namespace
