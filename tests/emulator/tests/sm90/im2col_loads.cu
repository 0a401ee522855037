// SPDX-License-Identifier: MIT
// im2col loads: rows of a convolution's matrix. What is expected comes from the convolution, pixel by pixel, not from the
// steps that the PTX ISA describes.
#include "../support/counting.cuh"
#include "../support/faults.hpp"
#include "../support/tensors.cuh"

using namespace cuemu_tests;

namespace im2col_load_tests {

using namespace tensors;

// Of one dimension of the image.
struct Side {
  int size = 1, taps = 1, dilation = 1, stride = 1, pad_low = 0, pad_high = 0;

  int outputs() const {
    return (size + pad_low + pad_high - (taps - 1) * dilation - 1) / stride + 1;
  }
  bool is_possible() const { return size + pad_low + pad_high - (taps - 1) * dilation > 0; }
};

// N {D} {H} W C.
struct Convolution {
  std::vector<Side> sides;  // w, h, d
  int images = 1, channels = 16;

  Tensor tensor(int box_channels, int pixels) const {
    Tensor t;
    t.im2col = true;
    t.rank = static_cast<int>(sides.size()) + 2;
    t.dims[0] = channels;
    t.dims[t.rank - 1] = images;
    t.channels = box_channels;
    t.pixels = pixels;
    for (size_t i = 0; i < sides.size(); ++i) {
      const Side& s = sides[i];
      t.dims[i + 1] = s.size;
      t.steps[i + 1] = s.stride;
      t.lower[i] = -s.pad_low;
      t.upper[i] = s.pad_high - (s.taps - 1) * s.dilation;
    }
    return t;
  }
  int rows() const {
    int product = images;
    for (const Side& s : sides) product *= s.outputs();
    return product;
  }
  // Where row m of the matrix has the tap that is first in each dimension; n after the last image goes on.
  Place base(int m) const {
    Place p{};
    for (size_t i = 0; i < sides.size(); ++i) {
      const Side& s = sides[i];
      p[i + 1] = m % s.outputs() * s.stride - s.pad_low;
      m /= s.outputs();
    }
    p[sides.size() + 1] = m;
    return p;
  }
  std::vector<Place> elements(int first_row, int pixels, const std::array<int, 3>& tap, int channel,
                              int box_channels) const {
    std::vector<Place> all;
    for (int row = first_row; row < first_row + pixels; ++row)
      for (int c = channel; c < channel + box_channels; ++c) {
        Place p = base(row);
        for (size_t i = 0; i < sides.size(); ++i) p[i + 1] += tap[i] * sides[i].dilation;
        p[0] = c;
        all.push_back(p);
      }
    return all;
  }
};

bool check(const char* file, int line, const Convolution& c, int first_row, int pixels,
           const std::array<int, 3>& tap, int channel, int box_channels,
           CUtensorMapSwizzle swizzle = CU_TENSOR_MAP_SWIZZLE_NONE) {
  Tensor t = c.tensor(box_channels, pixels);
  t.swizzle = swizzle;
  Place start = c.base(first_row);
  start[0] = channel;
  std::array<int, 3> offsets{};
  for (size_t i = 0; i < c.sides.size(); ++i) offsets[i] = tap[i] * c.sides[i].dilation;
  return check_load(file, line, t, start, c.elements(first_row, pixels, tap, channel, box_channels),
                    offsets);
}
#define CHECK_IM2COL(...) check(__FILE__, __LINE__, __VA_ARGS__)

Side random_side(Random& random, int rank) {
  for (;;) {
    Side s;
    s.size = random.between(1, rank == 3 ? 40 : 9);
    s.taps = random.between(1, 5);
    s.dilation = random.between(1, 3);
    s.stride = random.between(0, 2) == 0 ? random.between(3, 8) : random.between(1, 2);
    s.pad_low = random.between(-2, 4);
    s.pad_high = random.between(-2, 4);
    if (s.is_possible()) return s;
  }
}

TEST(HopperIm2colLoads, any_convolution) {
  NEEDS_HOPPER();
  Random random(13);
  for (int i = 0; i < 300; ++i) {
    const int rank = random.between(3, 5);
    Convolution c;
    for (int n = 0; n < rank - 2; ++n) c.sides.push_back(random_side(random, rank));
    c.images = random.between(1, 3);
    c.channels = random.between(1, 70);
    const auto swizzle = static_cast<CUtensorMapSwizzle>(random.between(0, 3));
    const int box_channels =
        swizzle == CU_TENSOR_MAP_SWIZZLE_NONE ? 8 * random.between(1, 5) : 8 << swizzle;
    const int pixels = random.between(1, 60);
    // Past the last row, too.
    const int first_row = random.between(0, c.rows() + 3);
    const int channel = random.between(-box_channels, c.channels);
    std::array<int, 3> tap{};
    for (int n = 0; n < rank - 2; ++n) tap[n] = random.between(0, c.sides[n].taps - 1);
    if (!CHECK_IM2COL(c, first_row, pixels, tap, channel, box_channels, swizzle)) return;
  }
}

// 3x3, padding 1, stride 2 of two images of 3 x 4: 2 x 2 outputs each. Eight rows from the fourth on, tap (0, 2): two read
// pixels of the image and another is right of the last column; the second image's first row is padding; there is no third.
TEST(HopperIm2colLoads, eight_pixels_of_which_five_are_filled) {
  NEEDS_HOPPER();
  Convolution c;
  c.sides = {{4, 3, 1, 2, 1, 1}, {3, 3, 1, 2, 1, 1}};
  c.images = 2;
  c.channels = 64;
  const Tensor t = c.tensor(64, 8);
  EXPECT_EQ(t.lower[0], -1);
  EXPECT_EQ(t.upper[1], -1);
  const Place start{0, 1, 1, 0, 0};
  // By hand: w, h, n of what each row reads.
  const int read[8][3] = {{3, 1, 0}, {1, -1, 1}, {3, -1, 1}, {1, 1, 1},
                          {3, 1, 1}, {1, -1, 2}, {3, -1, 2}, {1, 1, 2}};
  std::vector<Place> elements;
  for (const auto& pixel : read)
    for (int channel = 0; channel < 64; ++channel)
      elements.push_back({channel, pixel[0], pixel[1], pixel[2], 0});
  const cuemu_counters counters = count([&] {
    check_load(__FILE__, __LINE__, t, start, elements, {2, 0, 0});
  });
  if (!cuemu_present()) return;
  EXPECT_EQ(counters.tma_loads, uint64_t{1});
  EXPECT_EQ(counters.tma_load_bytes, uint64_t{8 * 64 * 2});
  EXPECT_EQ(counters.tma_filled_bytes, uint64_t{5 * 64 * 2});
  EXPECT_EQ(counters.tma_global_sectors, uint64_t{3 * 4});
}

TEST(HopperIm2colLoads, counters_of_a_large_box) {
  NEEDS_HOPPER();
  NEEDS_EMULATOR();
  Convolution c;
  c.sides = {{28, 3, 1, 1, 1, 1}, {28, 3, 1, 1, 1, 1}};
  c.images = 1;
  c.channels = 128;
  const cuemu_counters counters = count([&] {
    CHECK_IM2COL(c, 28 * 3, 256, {1, 1, 0}, 64, 64, CU_TENSOR_MAP_SWIZZLE_128B);
  });
  EXPECT_EQ(counters.tma_loads, uint64_t{1});
  EXPECT_EQ(counters.tma_load_bytes, uint64_t{32768});
  EXPECT_EQ(counters.tma_filled_bytes, uint64_t{0});
  EXPECT_EQ(counters.tma_global_sectors, uint64_t{256 * 4});
}

// Corners and offsets at their ends in each rank. In ranks 4 and 5 the other sides have one base, so that the image is what
// follows on w.
TEST(HopperIm2colLoads, far_corners) {
  NEEDS_HOPPER();
  for (const int rank : {3, 4, 5}) {
    const int reach = rank == 3 ? 32768 : rank == 4 ? 128 : 16;
    Tensor t;
    t.im2col = true;
    t.rank = rank;
    const int width = 2 * reach + 3;
    t.dims[0] = 8;
    t.dims[1] = width;
    t.dims[rank - 1] = 2;
    t.channels = 8;
    t.pixels = 4;
    t.lower[0] = t.upper[0] = -reach;
    const auto rows = [&](const std::vector<std::pair<int, int>>& pixels) {  // w and image
      std::vector<Place> elements;
      for (const auto& [w, image] : pixels)
        for (int c = 0; c < 8; ++c) {
          elements.push_back({c, w, 0, 0, 0});
          elements.back()[rank - 1] = image;
        }
      return elements;
    };
    // The last three bases of a row, at the offset that makes them the last columns.
    if (!check_load(__FILE__, __LINE__, t, {0, width - 3 - reach, 0, 0, 0},
                    rows({{width - 3, 0}, {width - 2, 0}, {width - 1, 0}, {0, 1}}), {reach, 0, 0}))
      return;
    // The first base, and the largest offset.
    const int first = reach - 1;
    if (!check_load(__FILE__, __LINE__, t, {0, -reach, 0, 0, 0},
                    rows({{first, 0}, {first + 1, 0}, {first + 2, 0}, {first + 3, 0}}),
                    {2 * reach - 1, 0, 0}))
      return;
  }
}

// --- What is wrong

__global__ void faulty_im2col(const __grid_constant__ CUtensorMap map, int w, int h, int offset) {
  __shared__ alignas(8) uint64_t bits;
  __shared__ alignas(128) unsigned char memory[1024];
  const uint32_t barrier = hopper::address_of(&bits);
  hopper::init(barrier, 1);
  hopper::fence_init();
  hopper::arrive_expect(barrier, 128);
  asm volatile(
      "cp.async.bulk.tensor.4d.shared::cluster.global.im2col.mbarrier::complete_tx::bytes [%0], "
      "[%1, {%2, %3, %4, %5}], [%6], {%7, %8};" ::"r"(hopper::address_of(memory)),
      "l"(&map), "r"(0), "r"(w), "r"(h), "r"(0), "r"(barrier), "h"(static_cast<short>(offset)),
      "h"(static_cast<short>(0))
      : "memory");
  hopper::wait(barrier, 0);
}
constexpr int kLine = __LINE__ - 4;

TEST(HopperIm2colLoads, faults) {
  NEEDS_HOPPER();
  NEEDS_EMULATOR();
  Convolution c;
  c.sides = {{6, 3, 1, 1, 1, 1}, {5, 3, 1, 1, 1, 1}};
  const auto data = zeroed<uint16_t>(16 * 6 * 5);
  Tensor t = c.tensor(16, 4);
  const CUtensorMap map = t.map(data.get());
  // The box has -1 to 4, and -1 to 3.
  for (const auto& [w, h] : {std::pair(-1, -1), std::pair(4, 3)})
    LAUNCH(faulty_im2col, 1, 1, map, w, h, 255);
  for (const auto& [w, h] :
       {std::pair(-2, 0), std::pair(5, 0), std::pair(0, -2), std::pair(0, 4)}) {
    faulty_im2col<<<1, 1>>>(map, w, h, 0);
    EXPECT_FAULT({"im2col-start"}, "faulty_im2col", {kLine});
  }
  faulty_im2col<<<1, 1>>>(map, 0, 0, 256);
  EXPECT_FAULT({"tensor-map-misuse"}, "faulty_im2col", {kLine});
  t.channels = 12;
  faulty_im2col<<<1, 1>>>(t.map(data.get()), 0, 0, 0);
  EXPECT_FAULT({"unprobed"}, "faulty_im2col", {kLine});
  t.channels = 16;
  t.steps[3] = 2;
  faulty_im2col<<<1, 1>>>(t.map(data.get()), 0, 0, 0);
  EXPECT_FAULT({"unprobed"}, "faulty_im2col", {kLine});
}

}  // namespace im2col_load_tests
