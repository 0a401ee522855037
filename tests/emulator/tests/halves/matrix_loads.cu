// SPDX-License-Identifier: MIT
// ldmatrix: which lane's address is which row, and which elements each lane receives, plain and
// transposed.
#include <cstdint>
#include <string>

#include "support/device.cuh"

using namespace cuemu_tests;

namespace {

constexpr int kRows = 32, kColumns = 8;  // four 8x8 matrices below one another

template <int kMatrices, bool kTransposed>
__device__ void load_matrices(unsigned address, unsigned (&registers)[4]) {
  unsigned &r0 = registers[0], &r1 = registers[1], &r2 = registers[2], &r3 = registers[3];
#define LDMATRIX_1(suffix)                                                      \
  asm volatile("ldmatrix.sync.aligned.m8n8.x1" suffix ".shared.b16 {%0}, [%1];" \
               : "=r"(r0)                                                       \
               : "r"(address)                                                   \
               : "memory")
#define LDMATRIX_2(suffix)                                                          \
  asm volatile("ldmatrix.sync.aligned.m8n8.x2" suffix ".shared.b16 {%0, %1}, [%2];" \
               : "=r"(r0), "=r"(r1)                                                 \
               : "r"(address)                                                       \
               : "memory")
#define LDMATRIX_4(suffix)                                                                       \
  asm volatile("ldmatrix.sync.aligned.m8n8.x4" suffix ".shared::cta.b16 {%0, %1, %2, %3}, [%4];" \
               : "=r"(r0), "=r"(r1), "=r"(r2), "=r"(r3)                                          \
               : "r"(address)                                                                    \
               : "memory")
  if constexpr (kMatrices == 1 && !kTransposed) LDMATRIX_1("");
  if constexpr (kMatrices == 1 && kTransposed) LDMATRIX_1(".trans");
  if constexpr (kMatrices == 2 && !kTransposed) LDMATRIX_2("");
  if constexpr (kMatrices == 2 && kTransposed) LDMATRIX_2(".trans");
  if constexpr (kMatrices == 4 && !kTransposed) LDMATRIX_4("");
  if constexpr (kMatrices == 4 && kTransposed) LDMATRIX_4(".trans");
}

// Element (row, column) holds 100 * row + column. Rows lie `pitch` bytes apart.
template <int kMatrices, bool kTransposed>
__global__ void load_fragments(unsigned* out, int pitch) {
  __shared__ alignas(16) unsigned char tile[kRows * 144];
  const int lane = threadIdx.x;
  for (int c = 0; c < kColumns; ++c) {
    *reinterpret_cast<uint16_t*>(tile + lane * pitch + 2 * c) =
        static_cast<uint16_t>(100 * lane + c);
  }
  __syncwarp();
  const int row =
      lane % (8 * kMatrices);  // lanes past the last matrix give addresses that do not count
  unsigned registers[4] = {};
  load_matrices<kMatrices, kTransposed>(
      static_cast<unsigned>(__cvta_generic_to_shared(tile + row * pitch)), registers);
  for (int k = 0; k < 4; ++k) out[4 * lane + k] = registers[k];
}

template <int kMatrices, bool kTransposed>
void expect_fragments(const char* file, int line) {
  const DeviceBuffer<unsigned> out(128);
  for (int pitch : {16, 80, 128, 144}) {
    load_fragments<kMatrices, kTransposed><<<1, 32>>>(out.get(), pitch);
    expect_success(file, line, "load_fragments", cudaDeviceSynchronize());
    const std::vector<unsigned> values = out.download();
    for (int i = 0; i < 128; ++i) {
      const int lane = i / 4, matrix = i % 4;
      unsigned expected = 0;
      for (int half = 0; half < 2 && matrix < kMatrices; ++half) {
        // Lane l holds elements 2(l mod 4) and the next of row l/4; of the transposed matrix if so
        // asked.
        const int major = lane / 4, minor = lane % 4 * 2 + half;
        const int row = kTransposed ? minor : major, column = kTransposed ? major : minor;
        expected |= (100u * (8 * matrix + row) + column) << (16 * half);
      }
      if (!expect_equal(file, line, "fragment", values[i], expected,
                        "lane " + std::to_string(lane) + ", matrix " + std::to_string(matrix) +
                            ", pitch " + std::to_string(pitch))) {
        return;
      }
    }
  }
}

TEST(MatrixLoads, one_matrix) {
  expect_fragments<1, false>(__FILE__, __LINE__);
}
TEST(MatrixLoads, two_matrices) {
  expect_fragments<2, false>(__FILE__, __LINE__);
}
TEST(MatrixLoads, four_matrices) {
  expect_fragments<4, false>(__FILE__, __LINE__);
}
TEST(MatrixLoads, one_matrix_transposed) {
  expect_fragments<1, true>(__FILE__, __LINE__);
}
TEST(MatrixLoads, two_matrices_transposed) {
  expect_fragments<2, true>(__FILE__, __LINE__);
}
TEST(MatrixLoads, four_matrices_transposed) {
  expect_fragments<4, true>(__FILE__, __LINE__);
}

// Rows in any order, and one row given eight times.
__global__ void load_scattered_rows(unsigned* out, const int* row_of_lane) {
  __shared__ alignas(16) uint16_t tile[kRows][kColumns];
  const int lane = threadIdx.x;
  for (int c = 0; c < kColumns; ++c) tile[lane][c] = static_cast<uint16_t>(100 * lane + c);
  __syncwarp();
  unsigned registers[4];
  load_matrices<4, false>(static_cast<unsigned>(__cvta_generic_to_shared(tile[row_of_lane[lane]])),
                          registers);
  for (int k = 0; k < 4; ++k) out[4 * lane + k] = registers[k];
}

TEST(MatrixLoads, rows_are_where_the_addresses_say) {
  std::vector<int> rows;
  for (int lane = 0; lane < 32; ++lane) rows.push_back(lane < 8 ? 5 : lane * 13 % 32);
  const DeviceBuffer<int> row_of_lane(rows);
  const DeviceBuffer<unsigned> out(128);
  LAUNCH(load_scattered_rows, 1, 32, out.get(), row_of_lane.get());
  const std::vector<unsigned> values = out.download();
  for (int i = 0; i < 128; ++i) {
    const int lane = i / 4, row = rows[i % 4 * 8 + lane / 4], column = lane % 4 * 2;
    EXPECT_EQ(values[i], (100u * row + column) | (100u * row + column + 1) << 16);
  }
}

}  // namespace
