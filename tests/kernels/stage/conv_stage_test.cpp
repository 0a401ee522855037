// SPDX-License-Identifier: MIT
// The stages around the convolution's product, alone: which element every loader puts where, and which
// elements of y an output tile writes. Values are bit patterns: nothing is computed with them.
#include <gtest/gtest.h>

#include <cstdint>
#include <ostream>
#include <vector>

#include "kernels/stage/buffers.hpp"
#include "kernels/stage/conv_stage_kernels.hpp"

namespace foldconv::stage_tests {
namespace {

using Bits = std::vector<std::uint16_t>;

// Never zero: zero is what stands for no element.
Bits patterns(int count) {
  Bits bits(static_cast<std::size_t>(count));
  std::uint32_t state = 7;
  for (std::uint16_t& v : bits) {
    state = state * 1664525u + 1013904223u;
    v = static_cast<std::uint16_t>(state >> 16 | 1);
  }
  return bits;
}

struct Case {
  ConvLoader loader;
  int n, h, w, c;
  int r = 1, s = 1, stride = 1, pad = 0, dilation = 1, groups = 1;
  int second_c = 0, second_stride = 1;  // joined
};
std::ostream& operator<<(std::ostream& to, const Case& c) {
  return to << "loader " << static_cast<int>(c.loader) << ", " << c.n << "x" << c.h << "x" << c.w
            << "x" << c.c << ", filter " << c.r << "x" << c.s << ", stride " << c.stride << ", pad "
            << c.pad << ", dilation " << c.dilation << ", groups " << c.groups;
}

int output_size(int in, int taps, const Case& c) {
  return (in + 2 * c.pad - c.dilation * (taps - 1) - 1) / c.stride + 1;
}
FastDivision by(int divisor) {
  return FastDivision(static_cast<std::uint32_t>(divisor));
}

ConvParams params_of(const Case& c) {
  ConvParams p = {};
  ConvGeometry& g = p.g;
  g.n = c.n, g.h = c.h, g.w = c.w, g.c = g.x_pitch = c.c;
  g.p = output_size(c.h, c.r, c), g.q = output_size(c.w, c.s, c);
  g.r = c.r, g.s = c.s;
  g.stride_h = g.stride_w = c.stride;
  g.pad_top = g.pad_left = c.pad;
  g.dilation_h = g.dilation_w = c.dilation;
  g.groups = c.groups, g.c_per_group = c.c / c.groups;
  p.m = c.n * g.p * g.q;
  p.per_image = by(g.p * g.q), p.per_row = by(g.q);
  p.taps = by(c.r * c.s), p.kernel_w = by(c.s), p.channels = by(g.c_per_group);
  p.dilation_h = by(g.dilation_h), p.dilation_w = by(g.dilation_w);
  return p;
}

// Tap and channel of position k of K; channel -1: padding. The order is that of tile/weight_layout.hpp.
struct Position {
  int tap, channel;
};
Position position(int k, int channels, int taps) {
  if (channels < 64) {
    return k < taps * channels ? Position{k / channels, k % channels} : Position{0, -1};
  }
  const int channel = k / 64 / taps * 64 + k % 64;
  return {k / 64 % taps, channel < channels ? channel : -1};
}

void expect_stages(const Case& c) {
  SCOPED_TRACE(testing::PrintToString(c));
  ConvParams p = params_of(c);
  const int channels = p.g.c_per_group, taps = c.r * c.s;
  const int own_k =
      channels < 64 ? (taps * channels + 63) / 64 * 64 : (channels + 63) / 64 * taps * 64;
  const int joined_own_k = (channels + 63) / 64 * 64;
  const int k_total = c.second_c > 0 ? joined_own_k + (c.second_c + 63) / 64 * 64 : own_k;
  p.k_blocks = k_total / 64;
  const Bits x = patterns(c.n * c.h * c.w * c.c);
  const DeviceBuffer x_buffer = on_device(x);
  p.x = x_buffer.data();
  const int second_h = (p.g.p - 1) * c.second_stride + 1,
            second_w = (p.g.q - 1) * c.second_stride + 1;
  const Bits second = patterns(c.second_c == 0 ? 8 : c.n * second_h * second_w * c.second_c + 5);
  const DeviceBuffer second_buffer = on_device(second);
  p.second = {second_buffer.data(), second_h, second_w, c.second_c, c.second_stride, c.second_c};

  const auto expected = [&](int m, int group, int k) -> std::uint16_t {
    if (m >= p.m) return 0;
    const int image = m / (p.g.p * p.g.q), row = m / p.g.q % p.g.p, column = m % p.g.q;
    if (c.second_c > 0 && k >= joined_own_k) {
      const int channel = k - joined_own_k;
      if (channel >= c.second_c) return 0;
      return second[static_cast<std::size_t>(
          ((image * second_h + row * c.second_stride) * second_w + column * c.second_stride) *
              c.second_c +
          channel)];
    }
    const Position at =
        c.second_c > 0 ? Position{0, k < channels ? k : -1} : position(k, channels, taps);
    const int h = row * c.stride - c.pad + at.tap / c.s * c.dilation;
    const int w = column * c.stride - c.pad + at.tap % c.s * c.dilation;
    if (at.channel < 0 || h < 0 || h >= c.h || w < 0 || w >= c.w) return 0;
    return x[static_cast<std::size_t>(((image * c.h + h) * c.w + w) * c.c + group * channels +
                                      at.channel)];
  };

  const DeviceBuffer y(static_cast<std::size_t>(k_total) * kLoaderRows * 2);
  for (int group = 0; group < c.groups; ++group) {
    for (int m_begin = 0; m_begin < p.m; m_begin += kLoaderRows) {
      launch_loader({p, static_cast<std::uint16_t*>(y.data()), m_begin, group}, c.loader);
      kernel_tests::check(cudaDeviceSynchronize(), "loader");
      const Bits got = downloaded<std::uint16_t>(y);
      for (int k = 0; k < k_total; ++k) {
        for (int row = 0; row < kLoaderRows; ++row) {
          // Chunks of 8 elements are exchanged by the row's number.
          const int chunk = k % 64 / 8 ^ row % 8;
          const int at = (k / 64 * kLoaderRows + row) * 64 + chunk * 8 + k % 8;
          ASSERT_EQ(got[static_cast<std::size_t>(at)], expected(m_begin + row, group, k))
              << "group " << group << ", pixel " << m_begin + row << ", k " << k;
        }
      }
    }
  }
}

TEST(StageLoader, OneByOne) {
  expect_stages({ConvLoader::load_1x1, 2, 7, 5, 72});
  expect_stages({.loader = ConvLoader::load_1x1, .n = 1, .h = 9, .w = 7, .c = 8, .stride = 2});
  expect_stages(
      {.loader = ConvLoader::load_1x1, .n = 2, .h = 3, .w = 3, .c = 144, .pad = 1, .groups = 2});
}

TEST(StageLoader, OverTaps) {
  expect_stages({ConvLoader::load_rxs, 2, 6, 5, 72, 3, 3, 1, 1});
  expect_stages({ConvLoader::load_rxs, 1, 13, 9, 144, 3, 2, 2, 2, 2, 2});
  expect_stages({ConvLoader::load_rxs, 1, 1, 1, 64, 15, 15, 1, 7});
}

TEST(StageLoader, Narrow) {
  expect_stages({ConvLoader::load_narrow, 2, 6, 5, 8, 3, 3, 1, 1});
  expect_stages({ConvLoader::load_narrow, 1, 9, 11, 48, 7, 5, 2, 3, 1, 2});
  expect_stages({ConvLoader::load_narrow, 1, 9, 4, 56, 1, 3, 1, 2, 2});
  // As many rows as masks have bits for, and padding at the end of K.
  expect_stages({.loader = ConvLoader::load_narrow, .n = 1, .h = 17, .w = 2, .c = 56, .r = 15});
}

TEST(StageLoader, ElementByElement) {
  expect_stages({ConvLoader::load_element, 2, 13, 11, 3, 7, 7, 2, 3});
  expect_stages({ConvLoader::load_element, 1, 5, 5, 26, 3, 3, 1, 1, 1, 2});
  expect_stages({ConvLoader::load_element, 1, 6, 5, 67, 3, 2, 1, 1, 2});
}

TEST(StageLoader, Joined) {
  expect_stages(
      {.loader = ConvLoader::load_joined, .n = 2, .h = 5, .w = 7, .c = 72, .second_c = 40});
  expect_stages({.loader = ConvLoader::load_joined,
                 .n = 3,
                 .h = 5,
                 .w = 5,
                 .c = 8,
                 .second_c = 136,
                 .second_stride = 2});
}

// k_blocks turns the ring: the tile's pieces lie in other stages each time.
void expect_output(int tile, int m, int k_per_group, int groups, int k_blocks) {
  SCOPED_TRACE(testing::Message() << "tile " << tile << ", " << m << " pixels, " << groups << " x "
                                  << k_per_group << " channels, " << k_blocks << " stages of K");
  const int k = k_per_group * groups;
  ConvParams p = {};
  p.m = m;
  p.k_blocks = k_blocks;
  p.g.k = p.g.residual_pitch = p.g.y_pitch = k;
  p.g.k_per_group = k_per_group, p.g.groups = groups;
  const Bits residual = patterns(m * k);
  const DeviceBuffer residual_buffer = on_device(residual);
  p.residual = residual_buffer.data();
  const ConvTile& t = kOutputTiles[tile];
  for (int group = 0; group < groups; ++group) {
    for (int m_begin = 0; m_begin < m; m_begin += t.block_m) {
      for (int n_begin = 0; n_begin < k_per_group; n_begin += t.block_n) {
        const DeviceBuffer y(static_cast<std::size_t>(m * k) * 2);
        p.y = y.data();
        launch_output({p, m_begin, n_begin, group}, tile);
        kernel_tests::check(cudaDeviceSynchronize(), "output");
        const Bits got = downloaded<std::uint16_t>(y);
        for (int i = 0; i < m * k; ++i) {
          const int row = i / k - m_begin, column = i % k - group * k_per_group - n_begin;
          const bool written = row >= 0 && row < t.block_m && column >= 0 && column < t.block_n &&
                               column + n_begin < k_per_group;
          const auto at = static_cast<std::size_t>(i);
          ASSERT_EQ(got[at], written ? static_cast<std::uint16_t>(residual[at] + row * 131 + column)
                                     : std::uint16_t{0xffff})
              << "pixel " << i / k << ", channel " << i % k;
        }
      }
    }
  }
}

TEST(StageOutputTile, WritesItsElementsAndNoOthers) {
  expect_output(0, 64, 64, 1, 1);
  expect_output(0, 67, 72, 1, 2);
  expect_output(0, 1, 8, 3, 3);
  expect_output(1, 256, 128, 1, 1);
  expect_output(1, 259, 136, 1, 2);
  expect_output(1, 131, 40, 2, 3);
  expect_output(2, 35, 40, 2, 3);
  expect_output(3, 35, 40, 1, 2);
}

}  // namespace
}  // namespace foldconv::stage_tests
