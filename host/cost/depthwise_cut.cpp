// SPDX-License-Identifier: MIT
#include "cost/depthwise_cut.hpp"

#include <algorithm>

#include "base/problem_sizes.hpp"
#include "base/sizes.hpp"

namespace foldconv::host {
namespace {

// Pixels of x that the windows of one axis reach, over all cuts.
std::int64_t reached(int outputs, int cut, int taps, int stride) {
  const std::int64_t cuts = ceil_div(outputs, cut);
  return (std::int64_t{outputs} - cuts) * stride + cuts * taps;
}

// Bytes that a CTA moves, in the mean, as if the padding were x; for lanes that have no output, too.
double depthwise_work(const DepthwiseTile& tile, const DepthwiseCut& cut,
                      const ConvProblem& problem) {
  const double rows = double(reached(problem.p(), cut.rows(), tile.filter, problem.stride.h)) /
                      double(ceil_div(problem.p(), cut.rows()));
  const double columns =
      double(reached(problem.q(), cut.columns(), tile.filter, problem.stride.w)) /
      double(ceil_div(problem.q(), cut.columns()));
  const auto element_bytes = static_cast<int>(size_of(problem.dtype));
  const double pixels = rows * columns + cut.rows() * cut.columns();
  const double constants = tile.weight_pieces(element_bytes) * DepthwiseTile::kChunkBytes +
                           2 * sizeof(float);  // of a channel
  constexpr double kStart = 2048;              // until the first byte arrives
  return (pixels * element_bytes + constants) * cut.channels() + kStart;
}

}  // namespace

std::vector<DepthwiseCut> depthwise_cuts(const DepthwiseTile& tile, const ConvProblem& problem) {
  constexpr int kMostSharedBytes = 56 * 1024;  // several CTAs an SM: some copy, some compute
  const auto element_bytes = static_cast<int>(size_of(problem.dtype));
  std::vector<DepthwiseCut> cuts;
  for (int log_pairs = 5; log_pairs >= 3; --log_pairs) {
    for (int tiles_w = 1; tiles_w <= 4; ++tiles_w) {
      for (int tiles_h = 1; tiles_h <= 4; ++tiles_h) {
        const DepthwiseCut cut = {log_pairs, tiles_w, tiles_h};
        const int quads_of_a_warp = 32 / cut.pairs();
        if (cut.quads() % quads_of_a_warp == 0 &&  // else a warp has two rows of tiles
            cut.threads() <= DepthwiseTile::kMaxThreads &&
            cut.shared_bytes(tile, problem.stride.h, element_bytes) <= kMostSharedBytes)
          cuts.push_back(cut);
      }
    }
  }
  return cuts;
}

DepthwiseCut depthwise_cut(const DepthwiseTile& tile, const ConvProblem& problem) {
  constexpr std::int64_t kSms = 128;  // of a device of about this many
  const auto cost = [&](const DepthwiseCut& cut) {
    return double(ceil_div(depthwise_grid(cut, problem).ctas(), kSms)) *
           depthwise_work(tile, cut, problem);
  };
  return std::ranges::min(depthwise_cuts(tile, problem), {}, cost);
}

bool depthwise_in_pieces(const ConvProblem& problem) {
  const auto chunk = static_cast<int>(DepthwiseTile::kChunkBytes / size_of(problem.dtype));
  return problem.c % chunk == 0 && x_pitch(problem) % chunk == 0 && y_pitch(problem) % chunk == 0 &&
         (!problem.residual || residual_pitch(problem) % chunk == 0);
}

DepthwiseGrid depthwise_grid(const DepthwiseCut& cut, const ConvProblem& problem) {
  return {ceil_div(problem.k, cut.channels()), ceil_div(problem.q(), cut.columns()),
          ceil_div(problem.p(), cut.rows()), problem.n};
}

}  // namespace foldconv::host
