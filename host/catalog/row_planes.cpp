// SPDX-License-Identifier: MIT
#include "catalog/row_planes.hpp"

#include <algorithm>
#include <numeric>

#include "base/problem_sizes.hpp"
#include "base/sizes.hpp"
#include "cost/reach.hpp"

namespace foldconv::host {
namespace {

// The least number from `least` on that is congruent to `place` by `period`.
std::int64_t next_place(std::int64_t least, std::int64_t period, std::int64_t place) {
  return least + ((place - least) % period + period) % period;
}

// Rows of y that a tile may touch: tiles begin at multiples of their size, so in a row at multiples of
// the common divisor.
std::int64_t rows_of_tile(const ConvTile& tile, const ConvProblem& problem) {
  const std::int64_t q = problem.q();
  const std::int64_t latest_begin = q - std::gcd(q, std::int64_t{tile.block_m});
  return std::min((latest_begin + tile.block_m - 1) / q + 1, std::int64_t{problem.n} * problem.p());
}

}  // namespace

RowPlanesLayout row_planes(const ConvTile& tile, const ConvProblem& problem) {
  constexpr std::int64_t kCopied = 8;  // elements that one copy moves
  const std::int64_t channels = c_per_group(problem), pixel = planes_pixel(problem);
  const std::int64_t window = std::int64_t{problem.s - 1} * problem.dilation.w * pixel + channels;
  // A row of one pixel makes no step, and may have any stride.
  const std::int64_t step = problem.q() == 1 ? 0 : problem.stride.w * pixel;

  // Segments move by up to a chunk less an element to their place in 16 bytes, and what is copied
  // begins and ends as much earlier and later: no two may write the same 16 bytes.
  constexpr std::int64_t kMargin = 3 * (kCopied - 1);
  // Rows of few pixels are not worth the space that keeps their banks in step.
  const std::int64_t granule = problem.q() < 8 ? kCopied : kBankElements;
  const std::int64_t gap =
      ceil_div(std::max<std::int64_t>(window - step + kMargin, 0), granule) * granule;

  const std::int64_t last_window =
      (tile.block_m - 1) * step + (rows_of_tile(tile, problem) - 1) * gap;
  const std::int64_t plane =
      next_place(last_window + window + kMargin, kBankElements, filter_row_step(problem));

  const bool ends_inside_slice = problem.r * problem.s * channels % kSliceWidth != 0;
  const std::int64_t planes = problem.r + (ends_inside_slice ? 1 : 0);
  return {{static_cast<int>(step), static_cast<int>(gap), static_cast<int>(plane),
           FastDivision(static_cast<std::uint32_t>(planes)),
           FastDivision(static_cast<std::uint32_t>(pixel))},
          planes * plane};
}

}  // namespace foldconv::host
