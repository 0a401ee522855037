// SPDX-License-Identifier: MIT
// Which element conv_sm90's copies put where: tiles, halves of a cluster, the order of K, taps, padding.
#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "kernels/sm90/copy_stage_kernels.hpp"
#include "kernels/sm90/hand_launch.hpp"
#include "kernels/support/shapes.hpp"

namespace foldconv::stage_tests {
namespace {

using kernel_tests::Sm90Conv;
using Bits = std::vector<std::uint16_t>;

Bits bits_of(DataType dtype, const std::vector<float>& values) {
  const std::vector<std::byte> bytes = oracle::encode(dtype, values);
  Bits bits(values.size());
  std::memcpy(bits.data(), bytes.data(), bytes.size());
  return bits;
}

void expect_copies(const kernel_tests::ShapeCase& shape, Multicast multicast) {
  SCOPED_TRACE(testing::Message() << shape.name << ", multicast " << static_cast<int>(multicast));
  const ConvProblem& c = shape.problem;
  const Sm90Conv conv(c, false);
  const Shape y = oracle::output_shape(c);
  const Bits x = bits_of(c.dtype, conv.inputs().x), w = bits_of(c.dtype, conv.inputs().weights);
  const ConvSm90Params p =
      conv.params({"copies", c.dtype, kCopiedTile, nullptr}, {.multicast = multicast});

  constexpr int kRows = kCopiedTile.block_m, kColumns = kCopiedTile.block_n;
  const int cluster = multicast == Multicast::none ? 1 : 2;
  const int channels = c.c / c.groups, taps = c.r * c.s, k_blocks = p.slices * taps;
  const int k_per_group = c.k / c.groups;
  const int pixels = y.n * y.h * y.w, x_rows = kCopiedTile.x_box_rows(multicast);
  const std::size_t elements = (kRows + kColumns) * 64;
  const kernel_tests::DeviceBuffer stages(static_cast<std::size_t>(p.units * cluster * k_blocks) *
                                          elements * 2);
  launch_copies(p, 2, static_cast<std::uint16_t*>(stages.data()));
  kernel_tests::check(cudaDeviceSynchronize(), "copies");
  const std::vector<std::byte> bytes = stages.download();
  Bits got(bytes.size() / 2);
  std::memcpy(got.data(), bytes.data(), bytes.size());

  // Tiles as conv_sm90 documents them: channels of all groups fastest, a cluster's two neighbours in pixels or in
  // channels.
  const int wide = multicast == Multicast::pixels ? 2 : 1,
            tall = multicast == Multicast::weights ? 2 : 1;
  const int columns = (k_per_group + kColumns * wide - 1) / (kColumns * wide);
  std::size_t at = 0;
  for (int tile = 0; tile < p.units * cluster; ++tile) {
    const int unit = tile / cluster, rank = tile % cluster;
    const int m_begin = (unit / (columns * c.groups) * tall + (tall == 2 ? rank : 0)) * kRows;
    const int group = unit % (columns * c.groups) / columns;
    const int n_begin = (unit % columns * wide + (wide == 2 ? rank : 0)) * kColumns;
    for (int k_block = 0; k_block < k_blocks; ++k_block) {
      const int slice = k_block / taps, tap = k_block % taps, r = tap / c.s, s = tap % c.s;
      for (int row = 0; row < kRows + kColumns; ++row, at += 64) {
        for (int place = 0; place < 64; ++place) {
          // Of the row's eight chunks of eight elements those of its number lie exchanged.
          const int channel = slice * 64 + (place / 8 ^ row % 8) * 8 + place % 8;
          std::uint16_t expected = 0;
          if (row < kRows) {
            // A copy that would begin past the last pixel begins at it.
            const int m = std::min(m_begin + row / x_rows * x_rows, pixels - 1) + row % x_rows;
            if (m >= pixels) continue;
            const int h = m / y.w % y.h * c.stride.h - c.pad.top + r * c.dilation.h;
            const int column = m % y.w * c.stride.w - c.pad.left + s * c.dilation.w;
            if (h >= 0 && h < c.h && column >= 0 && column < c.w && channel < channels) {
              const int image = m / y.w / y.h;
              expected = x[static_cast<std::size_t>(((image * c.h + h) * c.w + column) * c.c +
                                                    group * channels + channel)];
            }
          } else {
            const int k = group * k_per_group + n_begin + row - kRows;
            if (k < c.k && channel < channels) {
              expected = w[static_cast<std::size_t>((k * channels + channel) * taps + tap)];
            }
          }
          ASSERT_EQ(got[at + static_cast<std::size_t>(place)], expected)
              << "tile " << tile << ", block of K " << k_block << ", row " << row << ", place "
              << place;
        }
      }
    }
  }
}

TEST(Sm90Copies, EveryElementInItsPlace) {
  if (!kernel_tests::has_wgmma()) GTEST_SKIP() << "no device of compute capability 9.0";
  using kernel_tests::shape;
  const kernel_tests::ShapeCase shapes[] = {
      shape("matrix", {3, 7, 9, 72}, 136),
      shape("groups", {5, 6, 7, 128}, 288, {1, 1}, {.groups = 2}),
      shape("3x3", {4, 7, 9, 72}, 264, {3, 3}, {.pad = kernel_tests::kSame3}),
      shape("strides_and_dilation", {5, 17, 12, 64}, 48, {3, 2},
            {.stride = {3, 1}, .pad = {2, 3, 1, 4}, .dilation = {2, 3}}),
      shape("cropped", {3, 10, 9, 64}, 56, {3, 3}, {.pad = {-1, 1, 1, -2}}),
  };
  for (const auto& one : shapes) {
    for (const Multicast multicast : {Multicast::none, Multicast::weights, Multicast::pixels}) {
      expect_copies(one, multicast);
    }
  }
}

}  // namespace
}  // namespace foldconv::stage_tests
