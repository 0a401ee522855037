// SPDX-License-Identifier: MIT
// Whole small programs, where many instructions must work together; the host runs the same
// algorithm.
#include <algorithm>
#include <cmath>
#include <cstdint>

#include "support/device.cuh"
#include "support/float_formats.hpp"

using namespace cuemu_tests;

namespace {

__host__ __device__ uint32_t rotate(uint32_t x, int n) {
  return x >> n | x << (32 - n);
}

// SHA-256 of the 4 bytes of `message`: shifts, additions and a table that is first computed.
__host__ __device__ void sha256(uint32_t message, uint32_t (&digest)[8]) {
  uint32_t constants[64], schedule[64];
  int count = 0;
  for (int candidate = 2; count < 64; ++candidate) {
    bool prime = true;
    for (int d = 2; d * d <= candidate; ++d) prime = prime && candidate % d != 0;
    if (!prime) continue;
    // The first 32 bits of the fraction of the cube root; double has some to spare.
    const double root = cbrt(static_cast<double>(candidate));
    const double fraction = root - floor(root);
    constants[count] = static_cast<uint32_t>(fraction * 4294967296.0);
    if (count < 8) {
      const double square_root = sqrt(static_cast<double>(candidate));
      digest[count] = static_cast<uint32_t>((square_root - floor(square_root)) * 4294967296.0);
    }
    ++count;
  }
  for (int i = 0; i < 16; ++i) schedule[i] = 0;
  schedule[0] = message;
  schedule[1] = 0x80000000;
  schedule[15] = 32;
  for (int i = 16; i < 64; ++i) {
    const uint32_t a = schedule[i - 15], b = schedule[i - 2];
    schedule[i] = schedule[i - 16] + (rotate(a, 7) ^ rotate(a, 18) ^ a >> 3) + schedule[i - 7] +
                  (rotate(b, 17) ^ rotate(b, 19) ^ b >> 10);
  }
  uint32_t s[8];
  for (int i = 0; i < 8; ++i) s[i] = digest[i];
  for (int i = 0; i < 64; ++i) {
    const uint32_t t1 = s[7] + (rotate(s[4], 6) ^ rotate(s[4], 11) ^ rotate(s[4], 25)) +
                        ((s[4] & s[5]) ^ (~s[4] & s[6])) + constants[i] + schedule[i];
    const uint32_t t2 = (rotate(s[0], 2) ^ rotate(s[0], 13) ^ rotate(s[0], 22)) +
                        ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
    for (int k = 7; k > 0; --k) s[k] = s[k - 1];
    s[4] += t1;
    s[0] = t1 + t2;
  }
  for (int i = 0; i < 8; ++i) digest[i] += s[i];
}

__global__ void hash_all(uint32_t* digests, const uint32_t* messages) {
  uint32_t digest[8];
  sha256(messages[threadIdx.x], digest);
  for (int i = 0; i < 8; ++i) digests[threadIdx.x * 8 + i] = digest[i];
}

TEST(Programs, sha_256) {
  std::vector<uint32_t> messages, expected;
  for (uint32_t i = 0; i < 40; ++i) {
    messages.push_back(i == 0 ? 0x61626364 : i * 2654435761u);
    uint32_t digest[8];
    sha256(messages.back(), digest);
    expected.insert(expected.end(), digest, digest + 8);
  }
  EXPECT_EQ(expected[0], 0x88d4266fu);  // SHA-256("abcd") begins so
  const DeviceBuffer<uint32_t> in(messages), out(expected.size());
  LAUNCH(hash_all, 1, 40, out.get(), in.get());
  EXPECT_VALUES(out.download(), expected);
}

__global__ void bitonic_sort(int* values) {
  __shared__ int shared[512];
  const unsigned i = threadIdx.x;
  shared[i] = values[blockIdx.x * 512 + i];
  __syncthreads();
  for (unsigned size = 2; size <= 512; size *= 2) {
    for (unsigned stride = size / 2; stride > 0; stride /= 2) {
      const unsigned partner = i ^ stride;
      if (partner > i && (shared[i] > shared[partner]) == ((i & size) == 0)) {
        const int value = shared[i];
        shared[i] = shared[partner];
        shared[partner] = value;
      }
      __syncthreads();
    }
  }
  values[blockIdx.x * 512 + i] = shared[i];
}

TEST(Programs, bitonic_sort) {
  Random random(1);
  std::vector<int> values;
  for (int i = 0; i < 4 * 512; ++i) values.push_back(random.between(-1000, 1000));
  const DeviceBuffer<int> device(values);
  LAUNCH(bitonic_sort, 4, 512, device.get());
  for (int block = 0; block < 4; ++block)
    std::sort(values.begin() + block * 512, values.begin() + (block + 1) * 512);
  EXPECT_VALUES(device.download(), values);
}

__global__ void prefix_sum(int* out, const int* in) {
  __shared__ int sums[32];
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  int sum = in[threadIdx.x];
  for (int offset = 1; offset < 32; offset *= 2) {
    const int below = __shfl_up_sync(0xffffffff, sum, offset);
    if (lane >= offset) sum += below;
  }
  if (lane == 31) sums[warp] = sum;
  __syncthreads();
  if (warp == 0) {
    int total = lane < static_cast<int>(blockDim.x / 32) ? sums[lane] : 0;
    for (int offset = 1; offset < 32; offset *= 2) {
      const int below = __shfl_up_sync(0xffffffff, total, offset);
      if (lane >= offset) total += below;
    }
    sums[lane] = total;
  }
  __syncthreads();
  out[threadIdx.x] = sum + (warp > 0 ? sums[warp - 1] : 0);
}

TEST(Programs, prefix_sum_of_a_full_block) {
  std::vector<int> values, expected;
  for (int i = 0; i < 1024; ++i) {
    values.push_back(i * 37 % 101 - 50);
    expected.push_back((i == 0 ? 0 : expected[i - 1]) + values[i]);
  }
  const DeviceBuffer<int> in(values), out(1024);
  LAUNCH(prefix_sum, 1, 1024, out.get(), in.get());
  EXPECT_VALUES(out.download(), expected);
}

// Depth-first search with its own stack in local memory: every lane goes its own way.
__host__ __device__ int count_queens(int size, int first_column) {
  int columns[12];
  columns[0] = first_column;
  int row = 1, solutions = 0;
  columns[1] = -1;
  while (row > 0) {
    ++columns[row];
    if (columns[row] == size) {
      --row;
      continue;
    }
    bool safe = true;
    for (int k = 0; k < row && safe; ++k) {
      const int distance = columns[row] - columns[k];
      safe = distance != 0 && distance != row - k && distance != k - row;
    }
    if (!safe) continue;
    if (row == size - 1) {
      ++solutions;
    } else {
      columns[++row] = -1;
    }
  }
  return solutions;
}
__global__ void solve_queens(int* solutions, int size) {
  const int column = threadIdx.x;
  if (column < size) atomicAdd(solutions, count_queens(size, column));
}

TEST(Programs, eight_queens) {
  const auto solutions = zeroed<int>(1);
  LAUNCH(solve_queens, 1, 32, solutions.get(), 8);
  EXPECT_EQ(solutions.download()[0], 92);
}

// C (64 x 32) = A (64 x K) * B (32 x K)^T with the parts of a fast kernel: tiles of K in three
// xor-swizzled buffers filled by cp.async, ldmatrix, mma. Four warps of 16 rows each.
constexpr int kDepth = 32, kStages = 3;

__device__ unsigned swizzled(const u16* tile, int row, int chunk) {
  // Rows of 64 bytes; chunks of 16 bytes permuted so that 8 rows of one column fall into different
  // banks.
  return static_cast<unsigned>(
      __cvta_generic_to_shared(tile + row * kDepth + ((chunk ^ row / 2 % 4) * 8)));
}

__global__ void __launch_bounds__(128) matrix_product(float* c, const u16* a, const u16* b, int k) {
  __shared__ alignas(128) u16 tiles_a[kStages][64 * kDepth], tiles_b[kStages][32 * kDepth];
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const auto fetch = [&](int tile) {
    if (tile * kDepth < k) {
      for (int i = threadIdx.x; i < 96 * 4; i += 128) {
        const bool is_a = i < 64 * 4;
        const int row = is_a ? i / 4 : i / 4 - 64, chunk = i % 4;
        const u16* from = (is_a ? a : b) + row * k + tile * kDepth + chunk * 8;
        const unsigned to =
            swizzled(is_a ? tiles_a[tile % kStages] : tiles_b[tile % kStages], row, chunk);
        asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(to), "l"(from) : "memory");
      }
    }
    asm volatile("cp.async.commit_group;" ::: "memory");
  };
  for (int tile = 0; tile < kStages - 1; ++tile) fetch(tile);
  float sum[4][4] = {};
  for (int tile = 0; tile * kDepth < k; ++tile) {
    asm volatile("cp.async.wait_group %0;" ::"n"(kStages - 2) : "memory");
    __syncthreads();
    fetch(tile + kStages - 1);
    for (int step = 0; step < kDepth / 16; ++step) {
      unsigned fa[4], fb[4][2];
      const unsigned from_a =
          swizzled(tiles_a[tile % kStages], warp * 16 + lane % 16, step * 2 + lane / 16);
      asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                   : "=r"(fa[0]), "=r"(fa[1]), "=r"(fa[2]), "=r"(fa[3])
                   : "r"(from_a)
                   : "memory");
      for (int pair = 0; pair < 2; ++pair) {
        const unsigned from_b = swizzled(
            tiles_b[tile % kStages], pair * 16 + lane / 16 * 8 + lane % 8, step * 2 + lane / 8 % 2);
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                     : "=r"(fb[2 * pair][0]), "=r"(fb[2 * pair][1]), "=r"(fb[2 * pair + 1][0]),
                       "=r"(fb[2 * pair + 1][1])
                     : "r"(from_b)
                     : "memory");
      }
      for (int n = 0; n < 4; ++n) {
        asm volatile(
            "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, "
            "{%8,%9}, {%0,%1,%2,%3};"
            : "+f"(sum[n][0]), "+f"(sum[n][1]), "+f"(sum[n][2]), "+f"(sum[n][3])
            : "r"(fa[0]), "r"(fa[1]), "r"(fa[2]), "r"(fa[3]), "r"(fb[n][0]), "r"(fb[n][1]));
      }
    }
  }
  for (int n = 0; n < 4; ++n) {
    for (int i = 0; i < 4; ++i) {
      c[(warp * 16 + lane / 4 + i / 2 * 8) * 32 + n * 8 + lane % 4 * 2 + i % 2] = sum[n][i];
    }
  }
}

TEST(Programs, matrix_product_on_tensor_cores) {
  for (int k : {32, 64, 256}) {
    Random random(k);
    std::vector<u16> a, b;
    std::vector<int> ia, ib;
    for (int i = 0; i < 64 * k; ++i)
      a.push_back(encode(ia.emplace_back(random.between(-9, 9)), kF16));
    for (int i = 0; i < 32 * k; ++i)
      b.push_back(encode(ib.emplace_back(random.between(-9, 9)), kF16));
    std::vector<float> expected(64 * 32);
    for (int m = 0; m < 64; ++m) {
      for (int n = 0; n < 32; ++n) {
        for (int i = 0; i < k; ++i) expected[m * 32 + n] += float(ia[m * k + i] * ib[n * k + i]);
      }
    }
    const DeviceBuffer<u16> device_a(a), device_b(b);
    const DeviceBuffer<float> c(expected.size());
    LAUNCH(matrix_product, 1, 128, c.get(), device_a.get(), device_b.get(), k);
    EXPECT_VALUES(c.download(), expected);
  }
}

}  // namespace
