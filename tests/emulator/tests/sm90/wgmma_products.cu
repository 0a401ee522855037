// SPDX-License-Identifier: MIT
// wgmma against a plain loop, on integers so small that every sum is exact: all numbers of columns, types, layouts and signs;
// then on any bits at all against mma.sync.
#include "../support/counting.cuh"
#include "../support/float_formats.hpp"
#include "../support/hopper.cuh"
#include "../support/wgmma.cuh"

using namespace cuemu_tests;

namespace wgmma_products {

using wgmma::Layout;
using wgmma::Operands;

constexpr unsigned kImageBytes = 48 * 1024;

// `a`: fragments of A, four registers for each thread, or nullptr.
template <class Instruction>
__global__ void multiply(float* d, const uint4* image, Operands o, const uint32_t* a) {
  extern __shared__ __align__(1024) uint4 wgmma_image[];
  for (unsigned i = threadIdx.x; i < kImageBytes / 16; i += 128) wgmma_image[i] = image[i];
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
  __syncthreads();
  if (a != nullptr)
    for (int i = 0; i < 4; ++i) o.registers[i] = a[4 * threadIdx.x + i];
  Instruction::run(d + threadIdx.x, o);
}

// A is 64 x 16, B 16 x columns; row-major bits.
struct Problem {
  std::vector<u16> a, b;
  std::vector<float> c;

  Problem(int columns, Random& random, FloatFormat format) {
    for (int i = 0; i < 64 * 16; ++i) a.push_back(encode(random.between(-15, 15), format));
    for (int i = 0; i < 16 * columns; ++i) b.push_back(encode(random.between(-15, 15), format));
    for (int i = 0; i < 64 * columns; ++i) c.push_back(float(random.between(-99, 99)));
  }
};

// Puts it to the device and returns D, row-major.
template <class Instruction>
std::vector<float> run(const Problem& p, const Layout* a, const Layout& b, bool accumulates) {
  constexpr int kColumns = Instruction::kColumns;
  std::vector<u16> image(kImageBytes / 2, 0x7fff);
  if (a != nullptr)
    for (int row = 0; row < 64; ++row)
      for (int k = 0; k < 16; ++k) image[a->offset(row, k) / 2] = p.a[row * 16 + k];
  for (int column = 0; column < kColumns; ++column)
    for (int k = 0; k < 16; ++k) image[b.offset(column, k) / 2] = p.b[k * kColumns + column];
  std::vector<float> fragments(64 * kColumns);
  std::vector<u32> a_fragments(512);
  for (int t = 0; t < 128; ++t) {
    for (int i = 0; i < kColumns / 2; ++i)
      fragments[128 * i + t] = p.c[wgmma::row_of(t, i) * kColumns + wgmma::column_of(t, i)];
    for (int i = 0; i < 4; ++i) {
      const int row = t / 32 * 16 + t % 32 / 4 + i % 2 * 8, k = t % 4 * 2 + i / 2 * 8;
      a_fragments[4 * t + i] = p.a[row * 16 + k] | u32{p.a[row * 16 + k + 1]} << 16;
    }
  }
  const DeviceBuffer<float> d(fragments);
  const DeviceBuffer<u16> device_image(image);
  const DeviceBuffer<u32> device_a(a_fragments);
  Operands o{};
  o.a = a == nullptr ? 0 : a->descriptor();
  o.b = b.descriptor();
  o.scale_d = accumulates;
  multiply<Instruction><<<1, 128, kImageBytes>>>(d.get(),
                                                 reinterpret_cast<const uint4*>(device_image.get()),
                                                 o, a == nullptr ? device_a.get() : nullptr);
  CUDA_OK(cudaGetLastError());
  fragments = d.download();
  std::vector<float> result(64 * kColumns);
  for (int t = 0; t < 128; ++t)
    for (int i = 0; i < kColumns / 2; ++i)
      result[wgmma::row_of(t, i) * kColumns + wgmma::column_of(t, i)] = fragments[128 * i + t];
  return result;
}

template <class Instruction>
void expect_product(const char* file, int line, FloatFormat format, int sign, const Layout* a,
                    const Layout& b, bool accumulates = true) {
  Random random(line);
  constexpr int kColumns = Instruction::kColumns;
  const Problem p(kColumns, random, format);
  std::vector<float> expected(64 * kColumns);
  for (int row = 0; row < 64; ++row) {
    for (int column = 0; column < kColumns; ++column) {
      double sum = accumulates ? p.c[row * kColumns + column] : 0;
      for (int k = 0; k < 16; ++k)
        sum +=
            sign * decode(p.a[row * 16 + k], format) * decode(p.b[k * kColumns + column], format);
      expected[row * kColumns + column] = float(sum);
    }
  }
  expect_values(file, line, run<Instruction>(p, a, b, accumulates), expected);
}

// 64 rows of A fill 8 KB; B comes behind it. The pattern repeats every 1024 bytes.
const Layout kA{false, 128, 0, 0, 1024};
const Layout kB{false, 128, 8192, 0, 1024};

#define EXPECT_PRODUCT(Instruction, ...) \
  expect_product<Instruction>(__FILE__, __LINE__, __VA_ARGS__)

#define F16_SS(groups, columns) \
  WGMMA(SS##columns, groups, columns, "f16.f16", WGMMA_SHARED, "1, 1, 0, 0")
#define BF16_RS(groups, columns) \
  WGMMA(RS##columns, groups, columns, "bf16.bf16", WGMMA_REGISTERS, "1, 1, 0")
#define EACH_COLUMNS(M) \
  M(1, 8);              \
  M(2, 16);             \
  M(3, 24);             \
  M(4, 32);             \
  M(5, 40);             \
  M(6, 48);             \
  M(7, 56);             \
  M(8, 64);             \
  M(9, 72);             \
  M(10, 80);            \
  M(11, 88);            \
  M(12, 96);            \
  M(13, 104);           \
  M(14, 112);           \
  M(15, 120);           \
  M(16, 128);           \
  M(17, 136);           \
  M(18, 144);           \
  M(19, 152);           \
  M(20, 160);           \
  M(21, 168);           \
  M(22, 176);           \
  M(23, 184);           \
  M(24, 192);           \
  M(25, 200);           \
  M(26, 208);           \
  M(27, 216);           \
  M(28, 224);           \
  M(29, 232);           \
  M(30, 240);           \
  M(31, 248);           \
  M(32, 256)
EACH_COLUMNS(F16_SS);
BF16_RS(1, 8);
BF16_RS(3, 24);
BF16_RS(11, 88);
BF16_RS(32, 256);

TEST(HopperWgmma, any_number_of_columns) {
  NEEDS_HOPPER();
#define EXPECT_COLUMNS(groups, columns) EXPECT_PRODUCT(SS##columns, kF16, 1, &kA, kB)
  EACH_COLUMNS(EXPECT_COLUMNS);
#undef EXPECT_COLUMNS
}

TEST(HopperWgmma, a_from_registers) {
  NEEDS_HOPPER();
  EXPECT_PRODUCT(RS8, kBf16, 1, nullptr, kB);
  EXPECT_PRODUCT(RS24, kBf16, 1, nullptr, kB);
  EXPECT_PRODUCT(RS88, kBf16, 1, nullptr, kB);
  EXPECT_PRODUCT(RS256, kBf16, 1, nullptr, kB);
}

TEST(HopperWgmma, accumulators_that_count_for_nothing) {
  NEEDS_HOPPER();
  EXPECT_PRODUCT(SS40, kF16, 1, &kA, kB, false);
  EXPECT_PRODUCT(RS24, kBf16, 1, nullptr, kB, false);
}

WGMMA(MinusA, 3, 24, "bf16.bf16", WGMMA_SHARED, "-1, 1, 0, 0");
WGMMA(MinusB, 3, 24, "f16.f16", WGMMA_REGISTERS, "1, -1, 0");
WGMMA(MinusBoth, 3, 24, "f16.f16", WGMMA_SHARED, "-1, -1, 0, 0");

TEST(HopperWgmma, negated_operands) {
  NEEDS_HOPPER();
  EXPECT_PRODUCT(MinusA, kBf16, -1, &kA, kB);
  EXPECT_PRODUCT(MinusB, kF16, -1, nullptr, kB);
  EXPECT_PRODUCT(MinusBoth, kF16, 1, &kA, kB);
}

WGMMA(KK, 18, 144, "f16.f16", WGMMA_SHARED, "1, 1, 0, 0");
WGMMA(KN, 18, 144, "f16.f16", WGMMA_SHARED, "1, 1, 0, 1");
WGMMA(MK, 18, 144, "bf16.bf16", WGMMA_SHARED, "1, 1, 1, 0");
WGMMA(MN, 18, 144, "f16.f16", WGMMA_SHARED, "1, 1, 1, 1");
WGMMA(RN, 18, 144, "f16.f16", WGMMA_REGISTERS, "1, 1, 1");

TEST(HopperWgmma, every_layout) {
  NEEDS_HOPPER();
  // Distances greater than they must be, so that none is taken for another.
  const Layout k_major[] = {{false, 0, 144, 4096 - 256, 176}, {false, 0, 0, 128, 272},
                            {false, 32, 256, 0, 512},         {false, 64, 1024, 0, 512},
                            {false, 64, 32, 0, 1024},         {false, 128, 96, 0, 1024},
                            {false, 128, 1024 + 64, 0, 2048}};
  const Layout mn_major[] = {{true, 0, 48, 3072, 144},
                             {true, 0, 16, 128, 272},
                             {true, 32, 256, 768, 256},
                             {true, 64, 512, 2560, 512},
                             {true, 128, 1024, 3072, 1024}};
  const auto behind_a = [](Layout l) {
    l.start += 18 * 1024;
    return l;
  };
  for (const Layout& a : k_major) {
    EXPECT_PRODUCT(KK, kF16, 1, &a, behind_a(kA));
    EXPECT_PRODUCT(KN, kF16, 1, &a, behind_a(mn_major[2]));
  }
  for (const Layout& a : mn_major) {
    EXPECT_PRODUCT(MK, kBf16, 1, &a, behind_a(kA));
    EXPECT_PRODUCT(MN, kF16, 1, &a, behind_a(mn_major[4]));
  }
  const Layout small_a{false, 32, 0, 0, 256};
  for (Layout b : k_major) {
    if (b.sbo == 2048) b.sbo = 1024;
    b.start += 4096;
    EXPECT_PRODUCT(KK, kF16, 1, &small_a, b);
  }
  for (Layout b : mn_major) {
    b.start += 4096;
    EXPECT_PRODUCT(KN, kF16, 1, &small_a, b);
    EXPECT_PRODUCT(RN, kF16, 1, nullptr, b);
  }
}

// --- Rounding: as mma.sync does it here, which is no more the chip's. ---

template <bool kBrain>
__global__ void multiply_by_mma(float* d, const u16* a, const u16* b, int columns) {
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const auto pair = [](u16 low, u16 high) { return low | u32{high} << 16; };
  u32 fa[4];
  for (int i = 0; i < 4; ++i) {
    const u16* from = a + (warp * 16 + lane / 4 + i % 2 * 8) * 16 + lane % 4 * 2 + i / 2 * 8;
    fa[i] = pair(from[0], from[1]);
  }
  for (int group = 0; group < columns / 8; ++group) {
    u32 fb[2];
    for (int i = 0; i < 2; ++i) {
      const u16* from = b + (lane % 4 * 2 + i * 8) * columns + group * 8 + lane / 4;
      fb[i] = pair(from[0], from[columns]);
    }
    float* at[4];
    float c[4];
    for (int i = 0; i < 4; ++i) {
      at[i] = d + (warp * 16 + lane / 4 + i / 2 * 8) * columns + group * 8 + lane % 4 * 2 + i % 2;
      c[i] = *at[i];
    }
#define BY_MMA(type)                                                        \
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32." type "." type       \
               ".f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};" \
               : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])             \
               : "r"(fa[0]), "r"(fa[1]), "r"(fa[2]), "r"(fa[3]), "r"(fb[0]), "r"(fb[1]))
    if (kBrain)
      BY_MMA("bf16");
    else
      BY_MMA("f16");
#undef BY_MMA
    for (int i = 0; i < 4; ++i) *at[i] = c[i];
  }
}

template <class Instruction, bool kBrain>
void expect_bits_of_mma(const char* file, int line, const Layout* a) {
  NEEDS_EMULATOR();
  Random random(line);
  constexpr int kColumns = Instruction::kColumns;
  // First values near 1, of which every sum is rounded; then any bits.
  for (int exponents : {3, 256}) {
    Problem p(kColumns, random, kF16);
    const auto scramble = [&](u16& bits) {
      const FloatFormat f = kBrain ? kBf16 : kF16;
      const u16 near_one = u16(random.next() & (0x8000 | ((1 << f.mantissa_bits) - 1))) |
                           u16((f.bias - random.between(0, 2)) << f.mantissa_bits);
      bits = exponents == 3 ? near_one : u16(random.next());
    };
    for (u16& bits : p.a) scramble(bits);
    for (u16& bits : p.b) scramble(bits);
    for (float& value : p.c) value = float(random.between(-1000, 1000)) / 777;
    const DeviceBuffer<float> d(p.c);
    const DeviceBuffer<u16> device_a(p.a), device_b(p.b);
    LAUNCH(multiply_by_mma<kBrain>, 1, 128, d.get(), device_a.get(), device_b.get(), kColumns);
    std::vector<u32> bits, expected;
    for (float value : run<Instruction>(p, a, kB, true)) bits.push_back(bit_cast<u32>(value));
    for (float value : d.download()) expected.push_back(bit_cast<u32>(value));
    expect_values(file, line, bits, expected);
  }
}

TEST(HopperWgmma, bits_of_mma) {
  NEEDS_HOPPER();
  expect_bits_of_mma<SS24, false>(__FILE__, __LINE__, &kA);
  expect_bits_of_mma<SS256, false>(__FILE__, __LINE__, &kA);
  expect_bits_of_mma<RS88, true>(__FILE__, __LINE__, nullptr);
}

// --- Counters ---

TEST(HopperWgmma, counters) {
  NEEDS_HOPPER();
  NEEDS_EMULATOR();
  Random random(1);
  const Problem p(24, random, kF16);
  cuemu_counters c = count([&] { run<SS24>(p, &kA, kB, true); });
  EXPECT_EQ(c.wgmma_instructions, 1u);
  EXPECT_EQ(c.wgmma_shared_bytes, 64u * 16 * 2 + 24 * 16 * 2);
  EXPECT_EQ(c.mma_flops, 2u * 64 * 24 * 16);
  EXPECT_EQ(c.mma_instructions, 0u);
  c = count([&] { run<RS24>(p, nullptr, kB, true); });
  EXPECT_EQ(c.wgmma_instructions, 1u);
  EXPECT_EQ(c.wgmma_shared_bytes, 24u * 16 * 2);
  EXPECT_EQ(c.mma_flops, 2u * 64 * 24 * 16);
}

}  // namespace wgmma_products
