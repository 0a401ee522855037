// SPDX-License-Identifier: MIT
#include "cost/gate_cost.hpp"

#include <algorithm>
#include <cstdint>

#include "base/problem_sizes.hpp"
#include "base/sizes.hpp"
#include "cost/sm_work.hpp"
#include "tile/gate_rows.hpp"

namespace foldconv::host {
namespace {

// Eights of rows that are not of the images of the eight before them in their warp (stage/sm80/gated_fragments.cuh), in all
// tiles of some channels.
std::int64_t changes(std::int64_t pixels, std::int64_t images, int warp_m) {
  const std::int64_t eights_of_warp = warp_m / 8;
  std::int64_t count = 0, counted = 0;  // up to which eight
  for (std::int64_t image = 1; image < images; ++image) {
    const std::int64_t begin = image * pixels;
    for (const std::int64_t eight : {begin / 8, ceil_div(begin, std::int64_t{8})}) {
      if (eight <= counted || eight * 8 >= images * pixels) continue;
      counted = eight;
      count += eight % eights_of_warp != 0 ? 1 : 0;
    }
  }
  return count;
}

}  // namespace

void add_gates(const ConvTile& tile, const ConvProblem& problem, LaunchCost& cost) {
  constexpr int kSteps = kSliceWidth / 16, kLoads = 2;
  constexpr std::int64_t kMostCounted = 256;  // images; more are as these
  const std::int64_t pixels = std::int64_t{problem.p()} * problem.q();
  const double slices = weight_layout(problem).slices();
  const double m_tiles = double(ceil_div(output_pixels(problem), tile.block_m));
  const double n_tiles = cost.tiles / m_tiles;
  const int images = gate_images(tile.block_m, pixels, problem.n);
  cost.l2_bytes += cost.tiles * images * problem.c * kElementBytes;
  cost.wavefronts += cost.tiles * slices * images;

  const std::int64_t counted = std::min<std::int64_t>(problem.n, kMostCounted);
  double other_images = double(changes(pixels, counted, tile.warp_m()));
  if (problem.n > counted) other_images *= double(problem.n - 1) / double(counted - 1);
  const double loads = cost.tiles * tile.threads() / 32 + n_tiles * tile.warps_n * other_images;
  cost.wavefronts += slices * kSteps * kLoads * loads;
}

}  // namespace foldconv::host
