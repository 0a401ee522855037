// SPDX-License-Identifier: MIT
#include "harness/problem/data.hpp"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <utility>

#include "harness/error.hpp"

namespace foldconv::harness {
namespace {

// Between the seeds of layers and of blocks; x has the first.
constexpr std::uint64_t kConvSeed = 1'000'003, kLineSeed = 1'000'000'007, kResidualSeed = 31;
// Work for the oracle on one problem: some seconds on a core.
constexpr double kOracleFlops = 4e9;

// What was there before, and what is drawn: both live as long as the problem.
struct Storage {
  std::shared_ptr<void> before;
  std::deque<oracle::RawConv> drawn;
};

// Only the parameters of the convolution count: its x is one pixel.
oracle::RawConv draw_parameters(const LineConv& conv, DataOptions options, std::uint64_t seed) {
  ConvProblem problem = conv.problem;
  problem.n = problem.h = problem.w = 1;
  problem.stride = problem.dilation = {1, 1};
  problem.pad = {problem.r, problem.r, problem.s, problem.s};
  problem.residual = false;
  options.seed = seed;
  return oracle::make_raw(problem, options);
}

}  // namespace

ConvWeights weights_of(const ConvProblem& problem, const oracle::RawConv& raw) {
  return {.values = raw.weights,
          .k = problem.k,
          .c_per_group = problem.c / problem.groups,
          .r = problem.r,
          .s = problem.s,
          .bias = raw.conv_bias};
}

std::optional<BatchNorm> batch_norm_of(const oracle::RawConv& raw) {
  if (raw.variance.empty()) return std::nullopt;
  return BatchNorm{.gamma = raw.gamma,
                   .beta = raw.beta,
                   .mean = raw.mean,
                   .variance = raw.variance,
                   .eps = Epsilon(raw.eps)};
}

oracle::ConvInputs inputs_of(const FoldedConv& folded, std::vector<float> x,
                             std::vector<float> residual) {
  const auto copy = [](std::span<const float> values) {
    return std::vector<float>(values.begin(), values.end());
  };
  return {.x = std::move(x),
          .weights = copy(folded.weights()),
          .scale = copy(folded.scale()),
          .bias = copy(folded.bias()),
          .residual = std::move(residual)};
}

void fill(Problem& problem, const DataOptions& options, bool copies) {
  for (const LineConv* conv : problem.convs()) check(validate(conv->problem), conv->name);
  const int images = problem.input().shape.n;
  const double affordable = kOracleFlops / std::max(problem.flops() / images, 1.0);
  problem.distinct = copies ? static_cast<int>(std::clamp<double>(affordable, 1, images)) : images;

  const auto storage = std::make_shared<Storage>();
  storage->before = std::move(problem.storage);
  for (std::size_t i = 0; i < problem.lines.size(); ++i) {
    Line& line = problem.lines[i];
    std::uint64_t seed = options.seed + kLineSeed * i;
    const auto draw = [&](LineConv& conv) {
      seed += kConvSeed;
      if (!conv.weights.values.empty()) return;
      const oracle::RawConv& raw =
          storage->drawn.emplace_back(draw_parameters(conv, options, seed));
      conv.weights = weights_of(conv.problem, raw);
      conv.batch_norm = batch_norm_of(raw);
    };
    for (LineConv& conv : line.convs) draw(conv);
    if (line.shortcut) draw(*line.shortcut);
  }
  problem.storage = storage;

  const auto tensor = [&](const Shape& shape, std::uint64_t seed) {
    const ConvProblem of_x{.dtype = problem.dtype(),
                           .n = problem.distinct,
                           .h = shape.h,
                           .w = shape.w,
                           .c = shape.c,
                           .k = 1};
    return oracle::make_raw(of_x, {.batch_norm = false, .integers = options.integers, .seed = seed})
        .x;
  };
  problem.x = tensor(problem.input().shape, options.seed);
  const bool residual = !problem.blocks && problem.lines.back().convs.back().problem.residual;
  if (residual) problem.residual = tensor(problem.output().shape, options.seed + kResidualSeed);
}

}  // namespace foldconv::harness
