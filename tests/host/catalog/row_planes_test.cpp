// SPDX-License-Identifier: MIT
// The layout of the rows loader's planes, against what the pixels of every tile read.
#include "catalog/row_planes.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <set>

namespace foldconv {
namespace {

using host::row_planes;
using host::RowPlanesLayout;

std::int64_t modulo(std::int64_t a, std::int64_t b) {
  return (a % b + b) % b;
}

// Walks the pixels of the tile that begins at `m_begin`: the chunks of 8 elements that hold what one row
// of y reads by one filter row lie in the planes, belong to no other, and begin where x has a chunk.
void expect_places(const ConvTile& tile, const ConvProblem& problem, const RowPlanesLayout& layout,
                   std::int64_t m_begin) {
  const std::int64_t p = problem.p(), q = problem.q();
  // A pixel in the planes: as in x, or its own channels in whole chunks.
  const std::int64_t c = layout.params.pixel.divisor;
  ASSERT_EQ(c, problem.pitch.x == 0 ? problem.c : (problem.c + 7) / 8 * 8);
  const std::int64_t end = std::min(m_begin + tile.block_m, problem.n * p * q);
  std::set<std::int64_t> taken;  // chunks
  for (std::int64_t first = m_begin, row = 0; first < end; ++row) {
    const std::int64_t after = std::min(end, (first / q + 1) * q);
    const std::int64_t window =
        (problem.s - 1) * problem.dilation.w * c + problem.c / problem.groups;
    for (std::int64_t plane = 0; plane < layout.params.planes.divisor; ++plane) {
      const std::int64_t image = first / (p * q), y = first / q % p;
      const std::int64_t h = y * problem.stride.h - problem.pad.top + plane * problem.dilation.h;
      const std::int64_t w = first % q * problem.stride.w - problem.pad.left;
      const std::int64_t element = ((image * problem.h + h) * problem.w + w) * c;
      // The first plane decides how far the segment moves.
      const std::int64_t in_first = element - plane * problem.dilation.h * problem.w * c;
      const std::int64_t place =
          (first - m_begin) * layout.params.pixel_step + row * layout.params.row_gap;
      const std::int64_t begin =
          place + modulo(in_first - place, 8) + plane * layout.params.plane_step;
      ASSERT_EQ(modulo(begin - element, 8), 0) << to_string(problem);
      const std::int64_t last = begin + (after - first - 1) * layout.params.pixel_step + window - 1;
      ASSERT_LT(last / 8, layout.elements / 8) << to_string(problem);
      for (std::int64_t chunk = begin / 8; chunk <= last / 8; ++chunk) {
        ASSERT_TRUE(taken.insert(chunk).second) << to_string(problem) << ": plane " << plane
                                                << ", row " << row << " of pixel " << m_begin;
      }
    }
    first = after;
  }
}

TEST(RowPlanes, EveryChunkHasAPlaceOfItsOwn) {
  std::mt19937 engine(3);
  const auto integer = [&](int low, int high) {
    return low + static_cast<int>(engine() % static_cast<unsigned>(high - low + 1));
  };
  int checked = 0;
  while (checked < 500) {
    ConvProblem problem{.n = integer(1, 7),
                        .h = integer(1, 12),
                        .w = integer(1, 5) == 1 ? integer(1, 300) : integer(1, 20),
                        .c = integer(1, 24),
                        .k = 8,
                        .r = integer(1, 7),
                        .s = integer(1, 7),
                        .stride = {integer(1, 4), integer(1, 4)},
                        .pad = {integer(-1, 3), integer(0, 3), integer(-1, 3), integer(0, 3)},
                        .dilation = {integer(1, 2), integer(1, 2)}};
    if (checked % 3 == 0) problem.pitch.x = 256;
    if (!validate(problem).ok()) continue;
    ++checked;
    const ConvTile tile = {.block_m = checked % 2 == 0 ? 64 : 256};
    const RowPlanesLayout layout = row_planes(tile, problem);
    const std::int64_t pixels = std::int64_t{problem.n} * problem.p() * problem.q();
    for (std::int64_t m = 0; m < pixels; m += tile.block_m) expect_places(tile, problem, layout, m);
    if (HasFailure()) return;
  }
}

TEST(RowPlanes, OfAStem) {
  const ConvProblem stem{.n = 32,
                         .h = 224,
                         .w = 224,
                         .c = 3,
                         .k = 64,
                         .r = 7,
                         .s = 7,
                         .stride = {2, 2},
                         .pad = {3, 3, 3, 3}};
  const RowPlanesLayout layout = row_planes({.block_m = 256}, stem);
  EXPECT_EQ(layout.params.planes.divisor, 8u);  // 147 of 192 positions of K: one of zeros
  EXPECT_EQ(layout.params.pixel_step, 6);
  EXPECT_EQ(layout.params.row_gap, 64);
  // 4 rows of y; rows of x are whole chunks, a filter row is 21 elements.
  EXPECT_EQ(layout.params.plane_step % 8, 0);
  EXPECT_GE(layout.params.plane_step, 255 * 6 + 3 * 64 + 21);
  EXPECT_LT(layout.params.plane_step % 64 - 21, 8);
  EXPECT_EQ(layout.elements, 8 * layout.params.plane_step);
}

}  // namespace
}  // namespace foldconv
