// SPDX-License-Identifier: MIT
// Widths, vectors, sign extension and cache operators of loads and stores.
#include "support/device.cuh"
#include "support/operand_types.hpp"

using namespace cuemu_tests;

namespace {

template <class Vector>
__global__ void copy_reversed(Vector* out, const Vector* in, int count) {
  extern __shared__ unsigned char raw[];
  Vector* shared = reinterpret_cast<Vector*>(raw);
  const int i = threadIdx.x;
  if (i < count) shared[i] = in[i];
  __syncthreads();
  if (i < count) out[i] = shared[count - 1 - i];
}

// Global and shared vectors of this type keep every byte in place.
template <class Vector>
void expect_copied(const char* file, int line) {
  constexpr int kCount = 45;  // the second warp is not full
  std::vector<unsigned char> bytes;
  Random random(sizeof(Vector));
  for (size_t i = 0; i < kCount * sizeof(Vector); ++i)
    bytes.push_back(static_cast<unsigned char>(random.next()));
  const DeviceBuffer<unsigned char> in(bytes), out(bytes.size());
  copy_reversed<<<1, 64, kCount * sizeof(Vector)>>>(
      reinterpret_cast<Vector*>(out.get()), reinterpret_cast<const Vector*>(in.get()), kCount);
  expect_success(file, line, "copy_reversed", cudaDeviceSynchronize());
  std::vector<unsigned char> expected;
  for (int i = kCount - 1; i >= 0; --i) {
    expected.insert(expected.end(), bytes.begin() + i * sizeof(Vector),
                    bytes.begin() + (i + 1) * sizeof(Vector));
  }
  expect_values(file, line, out.download(), expected);
}
#define EXPECT_COPIED(Vector) expect_copied<Vector>(__FILE__, __LINE__)

TEST(MemoryAccess, vectors) {
  EXPECT_COPIED(unsigned char);
  EXPECT_COPIED(uchar2);
  EXPECT_COPIED(char4);
  EXPECT_COPIED(unsigned short);
  EXPECT_COPIED(short2);
  EXPECT_COPIED(ushort4);
  EXPECT_COPIED(int);
  EXPECT_COPIED(float2);
  EXPECT_COPIED(uint4);
  EXPECT_COPIED(float4);
  EXPECT_COPIED(double);
  EXPECT_COPIED(double2);
  EXPECT_COPIED(ulonglong2);
}

__global__ void load_signed_and_unsigned(const unsigned char* in, long long* out) {
  const unsigned char* p = in + 8 * threadIdx.x;
  long long* q = out + 6 * threadIdx.x;
  q[0] = *reinterpret_cast<const signed char*>(p);
  q[1] = *p;
  q[2] = *reinterpret_cast<const short*>(p);
  q[3] = *reinterpret_cast<const unsigned short*>(p);
  q[4] = *reinterpret_cast<const int*>(p);
  q[5] = *reinterpret_cast<const unsigned*>(p);
}

TEST(MemoryAccess, narrow_loads_extend_by_their_type) {
  const std::vector<unsigned char> bytes = {0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0,
                                            0x80, 0x00, 0x00, 0x80, 0, 0, 0, 0};
  const DeviceBuffer<unsigned char> in(bytes);
  const DeviceBuffer<long long> out(12);
  LAUNCH(load_signed_and_unsigned, 1, 2, in.get(), out.get());
  EXPECT_VALUES(out.download(), {-1, 255, -1, 65535, -1, 0xffffffffll, -128, 128, 128, 128,
                                 -2147483520ll, 0x80000080ll});
}

// Narrow destinations may sit in wider registers: the upper bits of what is stored must not matter.
__global__ void store_low_bits(unsigned char* out, unsigned value) {
  asm volatile("st.global.u8 [%0], %1;" ::"l"(out), "r"(value) : "memory");
  asm volatile("st.global.b16 [%0+2], %1;" ::"l"(out), "r"(value) : "memory");
  asm volatile(
      "{.reg .b16 lo, hi;\n mov.b32 {lo, hi}, %1;\n st.global.v2.b16 [%0+4], {hi, lo};\n}" ::"l"(
          out),
      "r"(value)
      : "memory");
}

TEST(MemoryAccess, narrow_stores_write_only_their_bytes) {
  const DeviceBuffer<unsigned char> out(std::vector<unsigned char>(9, 0xee));
  LAUNCH(store_low_bits, 1, 1, out.get(), 0x12345678u);
  EXPECT_VALUES(out.download(), {0x78, 0xee, 0x78, 0x56, 0x34, 0x12, 0x78, 0x56, 0xee});
}

#define LOAD_PLUS(qualifiers, offset)                                                              \
  {                                                                                                \
    unsigned value;                                                                                \
    asm volatile("ld." qualifiers ".u32 %0, [%1+" offset "];" : "=r"(value) : "l"(in) : "memory"); \
    sum = sum * 3 + value;                                                                         \
  }
#define STORE_AT(qualifiers, offset) \
  asm volatile("st." qualifiers ".u32 [%0+" offset "], %1;" ::"l"(out), "r"(sum++) : "memory");

__global__ void use_cache_operators(const unsigned* in, unsigned* out) {
  unsigned sum = 0;
  LOAD_PLUS("global", "0")
  LOAD_PLUS("global.ca", "4")
  LOAD_PLUS("global.cg", "8")
  LOAD_PLUS("global.cs", "12")
  LOAD_PLUS("global.lu", "16")
  LOAD_PLUS("global.cv", "20")
  LOAD_PLUS("global.nc", "24")
  LOAD_PLUS("global.nc.L1::no_allocate", "28")
  LOAD_PLUS("global.L2::128B", "32")
  LOAD_PLUS("volatile.global", "36")
  LOAD_PLUS("relaxed.gpu.global", "40")
  LOAD_PLUS("acquire.gpu.global", "44")
  LOAD_PLUS("acquire.sys", "48")
  LOAD_PLUS("weak.global", "52")
  asm volatile("prefetch.global.L2 [%0];" ::"l"(in));
  STORE_AT("global.wb", "0")
  STORE_AT("global.cg", "4")
  STORE_AT("global.cs", "8")
  STORE_AT("global.wt", "12")
  STORE_AT("volatile.global", "16")
  STORE_AT("relaxed.gpu.global", "20")
  STORE_AT("release.gpu.global", "24")
  STORE_AT("release.sys", "28")
}

TEST(MemoryAccess, cache_and_ordering_qualifiers_do_not_change_the_value) {
  std::vector<unsigned> values;
  unsigned sum = 0;
  for (unsigned i = 0; i < 14; ++i) {
    values.push_back(i * i + 1);
    sum = sum * 3 + values[i];
  }
  const DeviceBuffer<unsigned> in(values), out(8);
  LAUNCH(use_cache_operators, 1, 1, in.get(), out.get());
  EXPECT_VALUES(out.download(),
                {sum, sum + 1, sum + 2, sum + 3, sum + 4, sum + 5, sum + 6, sum + 7});
}

// Vector elements in any order of registers, a sink, and 8-byte elements; packing and unpacking
// with mov.
__global__ void shuffle_elements(const unsigned* in, unsigned* out) {
  asm volatile(
      "{.reg .b32 a, b, c, d;\n .reg .b64 w, x;\n"
      " ld.global.v4.b32 {a, b, c, d}, [%0];\n st.global.v4.b32 [%1], {d, c, b, a};\n"
      " ld.global.v2.b64 {w, x}, [%0];\n st.global.v2.b64 [%1+16], {x, w};\n"
      " ld.global.v2.b32 {a, _}, [%0+8];\n st.global.b32 [%1+32], a;\n"
      " mov.b64 w, {b, a};\n mov.b64 {_, d}, w;\n st.global.b32 [%1+36], d;\n}" ::"l"(in),
      "l"(out)
      : "memory");
}

TEST(MemoryAccess, vector_elements_and_sinks) {
  const DeviceBuffer<unsigned> in(std::vector<unsigned>{1, 2, 3, 4}), out(10);
  LAUNCH(shuffle_elements, 1, 1, in.get(), out.get());
  EXPECT_VALUES(out.download(), {4, 3, 2, 1, 3, 4, 1, 2, 3, 3});
}

__global__ void transpose_tile(float* out, const float* in, int rows, int columns) {
  __shared__ float tile[16][17];
  const int row = blockIdx.y * 16 + threadIdx.y, column = blockIdx.x * 16 + threadIdx.x;
  if (row < rows && column < columns) tile[threadIdx.y][threadIdx.x] = in[row * columns + column];
  __syncthreads();
  const int out_row = blockIdx.x * 16 + threadIdx.y, out_column = blockIdx.y * 16 + threadIdx.x;
  if (out_row < columns && out_column < rows) {
    out[out_row * rows + out_column] = tile[threadIdx.x][threadIdx.y];
  }
}

TEST(MemoryAccess, transposition_over_a_ragged_grid) {
  const int kRows = 53, kColumns = 70;
  std::vector<float> values(kRows * kColumns), expected(kRows * kColumns);
  for (int r = 0; r < kRows; ++r) {
    for (int c = 0; c < kColumns; ++c) {
      values[r * kColumns + c] = expected[c * kRows + r] = float(r * 1000 + c);
    }
  }
  const DeviceBuffer<float> in(values), out(values.size());
  const dim3 grid((kColumns + 15) / 16, (kRows + 15) / 16), block(16, 16);
  LAUNCH(transpose_tile, grid, block, out.get(), in.get(), kRows, kColumns);
  EXPECT_VALUES(out.download(), expected);
}

}  // namespace
