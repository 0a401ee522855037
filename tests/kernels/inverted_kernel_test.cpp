// SPDX-License-Identifier: MIT
// The inverted block's kernel by itself, launched by hand: the bits of the chain of convolutions.
#include <cstddef>
#include <limits>

#include "cuemu.h"
#include "kernels/support/test_inverted.hpp"

namespace foldconv::kernel_tests {
namespace {

constexpr Padding kOne = {1, 1, 1, 1}, kTwo = {2, 2, 2, 2};
constexpr InvertedShape kSquare = {8, 8};

struct InvertedCase {
  InvertedShapes shapes;
  InvertedShape tile = kSquare;
  DataType dtype = DataType::f16;
  int x_pitch = 0, y_pitch = 0;
};

// All kernels of the type that take it.
void expect_bits_of_chain(const InvertedCase& one, const TestInverted& test) {
  SCOPED_TRACE(one.shapes.name());
  const harness::Bytes expected = test.chain();
  int kernels = 0;
  for (const host::InvertedKernel& kernel : host::inverted_kernels()) {
    const InvertedLaunch launch = {&kernel, one.tile, 3, one.x_pitch, one.y_pitch};
    if (kernel.dtype != one.dtype || !test.fits(launch)) continue;
    ++kernels;
    EXPECT_TRUE(test.whole(launch) == expected)
        << kernel.name << ", tiles of " << one.tile.h << "x" << one.tile.w;
  }
  EXPECT_GT(kernels, 0) << "no kernel takes it on this device";
}

constexpr Activation kSilu = Activation::silu, kHardswish = Activation::hardswish;

// n, h, w, c, middle, k, kernel, stride, padding, residual, inner, last; tile.
const InvertedCase kInvertedCases[] = {
    // Blocks of MobileNetV2 and EfficientNet-Lite0, on smaller maps.
    {{1, 16, 16, 32, 0, 16}},
    {{1, 17, 17, 16, 96, 24, 3, 2}},
    {{1, 16, 16, 24, 144, 24, 3, 1, kOne, true}},
    {{1, 14, 14, 32, 192, 64, 3, 2}, {7, 7}},
    {{1, 14, 14, 96, 576, 96, 3, 1, kOne, true}, {4, 14}},
    {{1, 7, 7, 160, 960, 320}, {7, 7}},
    {{1, 16, 16, 24, 144, 40, 5, 2, {1, 1, 2, 2}}},
    {{1, 12, 12, 40, 240, 40, 5, 1, kTwo, true}},
    {{1, 16, 16, 40, 240, 80, 3, 2, {0, 0, 1, 1}}},
    {{1, 7, 7, 192, 192, 192, 5, 1, kTwo, true}, {7, 7}},
    // Odd sizes, borders, tails of tiles; few images and several.
    {{1, 1, 1, 8, 8, 8}},
    {{3, 1, 1, 16, 96, 16, 5, 1, kTwo, true}},
    {{2, 1, 9, 8, 24, 40}},
    {{1, 9, 1, 24, 72, 8, 5, 2, kTwo}},
    {{3, 15, 9, 40, 120, 72, 3, 1, kOne}, {4, 16}},
    {{1, 15, 9, 8, 200, 8, 5, 1, kTwo, true}, {2, 28}},
    {{1, 13, 11, 56, 56, 136, 3, 2}, {4, 8}},
    {{2, 5, 5, 64, 128, 64, 3, 1, kOne, true}, {4, 4}},
    {{1, 9, 19, 72, 80, 88, 5, 2, {0, 1, 3, 4}}, {2, 14}},
    {{1, 10, 10, 16, 64, 24, 3, 1, {0, 0, 0, 0}}, {4, 7}},
    {{1, 11, 12, 16, 64, 24, 5, 1, {4, 4, 4, 4}}, {2, 7}},
    {{1, 3, 3, 16, 48, 16, 3, 1, {6, 6, 6, 6}}, {4, 4}},  // windows that touch no pixel
    {{1, 12, 12, 16, 64, 24, 3, 1, {-1, -2, -3, 0}}},
    {{1, 12, 12, 16, 64, 24, 5, 2, {-2, 3, 2, -1}}},
    // Activations.
    {{1, 9, 7, 24, 72, 24, 3, 1, kOne, true, kHardswish, kHardswish}},
    {{1, 9, 7, 24, 72, 24, 5, 1, kTwo, false, kSilu, Activation::gelu}},
    {{1, 9, 7, 24, 72, 24, 3, 2, kOne, false, Activation::sigmoid, Activation::relu}},
    {{1, 9, 7, 24, 0, 24, 3, 1, kOne, true, Activation::leaky_relu(0.1f), Activation::tanh}},
    // t2 is infinite, and must not be where it is filled up to a step of K: weights there are zero.
    {{1, 3, 3, 8, 0, 320, 3, 1, kOne, false, Activation::clip(7e4f, 1e5f)}},
    // Without expand, of whole and broken slices.
    {{1, 10, 9, 72, 0, 40, 5, 2, kTwo}, {4, 8}},
    {{2, 6, 9, 128, 0, 128, 3, 1, kOne, true}},
    {{1, 9, 9, 8, 0, 8, 3, 2}},
    // bf16, and pixels apart.
    {{1, 9, 10, 24, 144, 32, 3, 1, kOne}, kSquare, DataType::bf16},
    {{2, 9, 10, 40, 136, 40, 5, 1, kTwo, true, kSilu}, {4, 14}, DataType::bf16},
    {{2, 9, 10, 40, 88, 40, 3, 1, kOne, true}, kSquare, DataType::f16, 56, 200},
    {{1, 11, 10, 32, 0, 24, 5, 2, kTwo}, kSquare, DataType::bf16, 40, 32},
    {{2, 9, 8, 16, 72, 48, 3, 2}, {7, 7}, DataType::f16, 24, 0},
};

TEST(InvertedKernels, BitsOfTheChain) {
  for (const InvertedCase& one : kInvertedCases)
    expect_bits_of_chain(one, TestInverted(one.shapes, one.dtype));
}

// What is not finite reaches the pixels and channels that the chain's reaches: not those that share an mma with it.
TEST(InvertedKernels, NotFinite) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (const InvertedCase& one :
       {InvertedCase{{1, 9, 10, 24, 72, 40, 3, 1, kOne}},
        InvertedCase{{1, 9, 10, 40, 0, 40, 5, 1, kTwo, true}},
        InvertedCase{{1, 9, 10, 40, 88, 40, 5, 1, kTwo, true, kSilu}, {4, 8}},
        InvertedCase{{1, 9, 10, 24, 72, 40, 3, 1, kOne, false, Activation::none}},
        InvertedCase{{1, 9, 10, 8, 136, 8, 3, 2}, {4, 4}, DataType::bf16}}) {
    TestInverted test(one.shapes, one.dtype);
    const auto pixel = [&](int h, int w, int channel) -> float& {
      return test.x()[static_cast<std::size_t>((h * 10 + w) * one.shapes.c + channel)];
    };
    pixel(0, 0, 3) = kInfinity;
    pixel(4, 9, 0) = -kInfinity;
    pixel(8, 2, one.shapes.c - 1) = std::numeric_limits<float>::quiet_NaN();
    expect_bits_of_chain(one, test);
  }
}

// Every shape of tile to choose from, by one CTA, several and as many as there are tiles.
TEST(InvertedKernels, AnyTileAndGrid) {
  const host::InvertedKernel& kernel = host::inverted_kernels().front();
  for (const InvertedShapes& shapes : {InvertedShapes{3, 9, 15, 16, 72, 24, 3, 1, kOne},
                                       InvertedShapes{2, 9, 15, 16, 72, 16, 5, 2, {1, 1, 2, 2}}}) {
    SCOPED_TRACE(shapes.name());
    const TestInverted test(shapes, kernel.dtype);
    const harness::Bytes expected = test.chain();
    for (const InvertedShape& tile : kInvertedShapes) {
      for (const int ctas : {1, 4, 1000}) {
        EXPECT_TRUE(test.whole({&kernel, tile, ctas}) == expected)
            << tile.h << "x" << tile.w << ", " << ctas << " CTAs";
      }
    }
  }
}

class InvertedCounters : public testing::Test {
 protected:
  void SetUp() override {
    if (cuemu_present() == 0) GTEST_SKIP() << "counters need the emulator";
  }
};

// x and y once, and the weights; shared memory without a bank conflict.
TEST_F(InvertedCounters, CompulsoryBytesWithoutBankConflicts) {
  const InvertedCase cases[] = {
      {{1, 28, 28, 32, 192, 32, 3, 1, kOne, true}, {4, 14}},
      {{1, 28, 28, 16, 96, 24, 3, 2}},
      {{1, 14, 14, 40, 240, 48, 5, 1, kTwo}, {7, 7}},
      {{1, 28, 28, 24, 144, 40, 5, 2, {1, 1, 2, 2}}, {7, 7}},
      {{1, 28, 28, 64, 0, 32}},
  };
  for (const InvertedCase& one : cases) {
    SCOPED_TRACE(one.shapes.name());
    const InvertedShapes& s = one.shapes;
    const TestInverted test(s, one.dtype);
    cuemu_reset_counters();
    test.whole({&host::inverted_kernels().front(), one.tile, 1000, 0, 0, Guards::none});
    cuemu_counters counted{};
    cuemu_read_counters(&counted);
    const Shape y = test.output();
    const double middle = s.middle_channels();
    const double elements = double(s.n) * s.h * s.w * s.c + double(y.n) * y.h * y.w * s.k +
                            s.middle * double(s.c) + middle * (s.kernel * s.kernel + s.k);
    EXPECT_LE(
        static_cast<double>(counted.global_load.unique_bytes + counted.global_store.unique_bytes),
        1.15 * (2 * elements + 8 * (s.middle + middle + s.k)));
    for (const cuemu_shared_traffic& traffic :
         {counted.ldmatrix, counted.shared_load, counted.shared_store}) {
      EXPECT_EQ(traffic.wavefronts, traffic.ideal_wavefronts);
    }
    EXPECT_EQ(counted.async_copy.wavefronts, counted.async_copy.ideal_wavefronts);
    EXPECT_EQ(counted.integer_divisions, 0u);
    // Two sectors of a granule at a time: where they are all whole.
    if (s.k % 16 == 0) {
      EXPECT_EQ(counted.global_store.sectors, counted.global_store.ideal_sectors);
    }
  }
}

}  // namespace
}  // namespace foldconv::kernel_tests
