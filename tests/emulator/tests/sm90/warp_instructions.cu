// SPDX-License-Identifier: MIT
// Warp instructions of compute capability 9.0: stmatrix, the inverse of ldmatrix, and elect.
#include <cstdint>
#include <string>

#include "support/device.cuh"

using namespace cuemu_tests;

namespace {

template <int kMatrices, bool kTransposed>
__device__ void store_matrices(unsigned address, const unsigned (&r)[4]) {
#define STMATRIX_1(suffix)                                                                      \
  asm volatile("stmatrix.sync.aligned.m8n8.x1" suffix ".shared.b16 [%0], {%1};" ::"r"(address), \
               "r"(r[0])                                                                        \
               : "memory")
#define STMATRIX_2(suffix)                                   \
  asm volatile("stmatrix.sync.aligned.m8n8.x2" suffix        \
               ".shared.b16 [%0], {%1, %2};" ::"r"(address), \
               "r"(r[0]), "r"(r[1])                          \
               : "memory")
#define STMATRIX_4(suffix)                                           \
  asm volatile("stmatrix.sync.aligned.m8n8.x4" suffix                \
               ".shared.b16 [%0], {%1, %2, %3, %4};" ::"r"(address), \
               "r"(r[0]), "r"(r[1]), "r"(r[2]), "r"(r[3])            \
               : "memory")
  if constexpr (kMatrices == 1 && !kTransposed) STMATRIX_1("");
  if constexpr (kMatrices == 1 && kTransposed) STMATRIX_1(".trans");
  if constexpr (kMatrices == 2 && !kTransposed) STMATRIX_2("");
  if constexpr (kMatrices == 2 && kTransposed) STMATRIX_2(".trans");
  if constexpr (kMatrices == 4 && !kTransposed) STMATRIX_4("");
  if constexpr (kMatrices == 4 && kTransposed) STMATRIX_4(".trans");
}

constexpr int kPitch = 80;

// Register k of lane l holds 16 * l + 2 * k and the next number.
template <int kMatrices, bool kTransposed>
__global__ void store_fragments(uint16_t* out) {
  __shared__ alignas(16) unsigned char tile[32 * kPitch];
  const unsigned lane = threadIdx.x;
  for (int i = lane; i < 32 * kPitch / 2; i += 32) reinterpret_cast<uint16_t*>(tile)[i] = 9999;
  __syncwarp();
  unsigned registers[4];
  for (unsigned k = 0; k < 4; ++k)
    registers[k] = (16 * lane + 2 * k) | (16 * lane + 2 * k + 1) << 16;
  const unsigned row = lane % (8 * kMatrices);
  store_matrices<kMatrices, kTransposed>(
      static_cast<unsigned>(__cvta_generic_to_shared(tile + row * kPitch)), registers);
  __syncwarp();
  for (int c = 0; c < 8; ++c)
    out[lane * 8 + c] = reinterpret_cast<uint16_t*>(tile + lane * kPitch)[c];
}

template <int kMatrices, bool kTransposed>
void expect_stored(const char* file, int line) {
  if (!has_compute_capability_9()) return report_skip(file, line, "compute capability below 9.0");
  const DeviceBuffer<uint16_t> out(32 * 8);
  LAUNCH((store_fragments<kMatrices, kTransposed>), 1, 32, out.get());
  const std::vector<uint16_t> values = out.download();
  for (int i = 0; i < 32 * 8; ++i) {
    const int matrix = i / 64, row = i / 8 % 8, column = i % 8;
    const int major_index = kTransposed ? column : row, minor = kTransposed ? row : column;
    const int lane = major_index * 4 + minor / 2;
    const int expected = matrix < kMatrices ? 16 * lane + 2 * matrix + minor % 2 : 9999;
    if (!expect_equal(file, line, "element", int(values[i]), expected, "at " + std::to_string(i)))
      return;
  }
}

TEST(MatrixStores, one_matrix) {
  expect_stored<1, false>(__FILE__, __LINE__);
}
TEST(MatrixStores, two_matrices) {
  expect_stored<2, false>(__FILE__, __LINE__);
}
TEST(MatrixStores, four_matrices) {
  expect_stored<4, false>(__FILE__, __LINE__);
}
TEST(MatrixStores, one_matrix_transposed) {
  expect_stored<1, true>(__FILE__, __LINE__);
}
TEST(MatrixStores, two_matrices_transposed) {
  expect_stored<2, true>(__FILE__, __LINE__);
}
TEST(MatrixStores, four_matrices_transposed) {
  expect_stored<4, true>(__FILE__, __LINE__);
}

__global__ void elect_one(unsigned* out) {
  unsigned leader = 0, elected = 0;
  if (threadIdx.x >= 8) {
    asm volatile("{.reg .pred p;\n elect.sync %0|p, 0xffffff00;\n selp.u32 %1, 1, 0, p;\n}"
                 : "=r"(leader), "=r"(elected));
  }
  out[threadIdx.x] = leader;
  out[32 + threadIdx.x] = elected;
}

TEST(Elect, chooses_one_lane_of_the_mask) {
  if (!has_compute_capability_9()) SKIP_TEST("compute capability below 9.0");
  const DeviceBuffer<unsigned> out(64);
  LAUNCH(elect_one, 1, 32, out.get());
  const std::vector<unsigned> values = out.download();
  const unsigned leader = values[31];  // which one is the implementation's choice
  EXPECT_TRUE(leader >= 8 && leader < 32);
  for (unsigned lane = 0; lane < 32; ++lane) {
    EXPECT_EQ(values[lane], lane < 8 ? 0 : leader);
    EXPECT_EQ(values[32 + lane], unsigned(lane == leader));
  }
}

}  // namespace
