// SPDX-License-Identifier: MIT
// From a stem to its launch.
#include "stem/stem.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/problem_sizes.hpp"
#include "base/text.hpp"
#include "catalog/supported_device.hpp"
#include "layer/layer_sizes.hpp"
#include "layer/make_layer.hpp"
#include "layer/preprocess.hpp"
#include "params/stem_params.hpp"
#include "stem/cost.hpp"
#include "stem/tiles.hpp"

namespace foldconv::host {
namespace {

Storage stored_as(const StemProblem& problem) {
  if (problem.pixels) return pixel_storage(problem.pixels->type);
  return problem.conv.dtype == DataType::f16 ? Storage::f16 : Storage::bf16;
}

StemParams stem_params(const StemProblem& problem, const StemTiles& tiles,
                       const StemWeights& weights) {
  const ConvProblem& conv = problem.conv;
  const Shape output = problem.output();
  const bool planes = problem.pixels && problem.pixels->layout == PixelLayout::nchw;
  StemParams params = {};
  params.from = stored_as(problem);
  params.x_pixel = planes ? 1 : x_pitch(conv);
  params.x_channel = planes ? conv.h * conv.w : 1;
  params.x_row = conv.w * params.x_pixel;
  params.x_image = std::int64_t{conv.h} * conv.w * (planes ? conv.c : x_pitch(conv));
  params.pairs = conv.w % 2 == 0 && (planes || params.x_pixel == conv.c) ? 1 : 0;
  const PixelFormat format = problem.pixels.value_or(PixelFormat());
  params.swap = format.swap_red_blue ? 1 : 0;
  std::copy_n(format.mean.begin(), StemTile::kChannels, params.mean);
  std::copy_n(format.scale.begin(), StemTile::kChannels, params.factor);
  params.w = weights.w;
  params.scale = weights.scale;
  params.bias = weights.bias;
  params.activation = activation_params(conv.activation);
  params.h = conv.h;
  params.w_size = conv.w;
  params.k = conv.k;
  params.p = conv.p();
  params.q = conv.q();
  params.pad_top = conv.pad.top;
  params.pad_left = conv.pad.left;
  params.pool = problem.pool ? 1 : 0;
  params.pool_pad_top = problem.pool ? problem.pool->top : 0;
  params.pool_pad_left = problem.pool ? problem.pool->left : 0;
  params.y_h = output.h;
  params.y_w = output.w;
  params.y_pitch = y_pitch(conv);
  params.w_row = weight_layout(conv).row();
  params.n_blocks = fast_division(tiles.n_blocks);
  params.tiles = fast_division(tiles.in_image());
  params.tile_columns = fast_division(tiles.columns);
  params.columns = fast_division(tiles.sizes.columns);
  return params;
}

}  // namespace

PoolProblem StemProblem::pooling() const {
  return {.dtype = conv.dtype,
          .n = conv.n,
          .h = conv.p(),
          .w = conv.q(),
          .c = conv.k,
          .kind = PoolProblem::Kind::max,
          .window = {StemTile::kWindow, StemTile::kWindow},
          .stride = {StemTile::kWindowStride, StemTile::kWindowStride},
          .pad = pool.value_or(Padding()),
          .ceil_mode = ceil_mode,
          .pitch = {0, conv.pitch.y}};
}

Shape StemProblem::output() const {
  if (!pool) return conv.output();
  const PoolProblem pooled = pooling();
  return {conv.n, pooled.p(), pooled.q(), conv.k};
}

Result<Layer> plan_stem(const StemProblem& problem, const StemWeights& weights) {
  return guarded([&]() -> Result<Layer> {
    if (Status status = validate(problem.conv); !status.ok()) return status;
    const Result<DeviceFigures> figures = current_figures();
    if (!figures.ok()) return figures.status();
    if (const std::string rule = stem_rule(problem, *figures); !rule.empty())
      return error(ErrorCode::unsupported, "no kernel takes the stem", rule,
                   "run preprocess, convolution and pooling");

    const StemKernel& kernel = *stem_kernel(problem.conv);
    const auto shared = static_cast<std::size_t>(kernel.tile->shared_bytes());
    const Result<KernelFigures> prepared =
        prepare_kernel(kernel.entry(), StemTile::kThreads, shared, *figures);
    if (!prepared.ok()) return prepared.status();
    const StemTiles tiles(*kernel.tile, problem);
    // CTAs keep the weights of their channels, so all blocks of channels have as many of them.
    const std::int64_t resident = std::int64_t{figures->multiprocessors} * prepared->ctas_per_sm;
    const std::int64_t most_ctas =
        std::max<std::int64_t>(resident / tiles.n_blocks, 1) * tiles.n_blocks;
    const LayerWork work = {.n = problem.conv.n,
                            .units = problem.conv.n * tiles.in_image() * tiles.n_blocks,
                            .units_per_cta = 1,
                            .threads = StemTile::kThreads,
                            .shared_bytes = shared,
                            .most_ctas = most_ctas};
    const auto ctas = static_cast<double>(std::min(work.units, most_ctas));
    return make_layer(kernel, *figures, stem_params(problem, tiles, weights), work,
                      stem_cost(*kernel.tile, problem, ctas, prepared->ctas_per_sm));
  });
}

}  // namespace foldconv::host
