// SPDX-License-Identifier: MIT
#include "layer/pool.hpp"

#include <algorithm>
#include <vector>

#include "base/error.hpp"
#include "base/sizes.hpp"
#include "base/text.hpp"
#include "layer/layer_sizes.hpp"
#include "layer/make_layer.hpp"
#include "tile/mean_order.hpp"

namespace foldconv::host {
namespace {

// One of the two directions of a pooling.
struct Direction {
  const char* name;
  std::int64_t size, window, stride, dilation, before, after;

  std::int64_t reach() const { return dilation * (window - 1) + 1; }
  // Windows; of a problem that passed check().
  std::int64_t outputs(bool ceil_mode) const {
    const std::int64_t steps = size + before + after - reach();
    std::int64_t count = (ceil_mode ? ceil_div(steps, stride) : steps / stride) + 1;
    if (ceil_mode && (count - 1) * stride >= size + before) --count;
    return count;
  }
  // Rows or columns that some window reads.
  std::int64_t read(std::int64_t outputs) const {
    if (dilation == 1 &&
        stride <= window) {  // all from the first window's first to the last one's last
      return std::min(size, (outputs - 1) * stride - before + window);
    }
    std::vector<bool> seen(static_cast<std::size_t>(size));
    for (std::int64_t output = 0; output < outputs; ++output) {
      for (std::int64_t tap = 0; tap < window; ++tap) {
        const std::int64_t at = output * stride - before + tap * dilation;
        if (at >= 0 && at < size) seen[static_cast<std::size_t>(at)] = true;
      }
    }
    return std::ranges::count(seen, true);
  }
};

Direction vertical(const PoolProblem& p) {
  return {"h", p.h, p.window.h, p.stride.h, p.dilation.h, p.pad.top, p.pad.bottom};
}
Direction horizontal(const PoolProblem& p) {
  return {"w", p.w, p.window.w, p.stride.w, p.dilation.w, p.pad.left, p.pad.right};
}

Status check(const Direction& d) {
  const std::string value = text("in direction ", d.name, ": size = ", d.size,
                                 ", window = ", d.window, ", stride = ", d.stride,
                                 ", dilation = ", d.dilation, ", pad = ", d.before, ", ", d.after);
  if (d.window < 1 || d.stride < 1 || d.dilation < 1)
    return invalid("window, stride and dilation of a pooling must be at least 1", value,
                   "use 1 for what is not wanted");
  if (std::min(d.before, d.after) < 0 || std::max(d.before, d.after) >= d.reach())
    return invalid("the padding of a pooling must be at least 0 and less than its window", value,
                   "use a smaller padding");
  if (d.size + d.before + d.after < d.reach())
    return invalid("the window of a pooling is larger than the padded image", value,
                   "use a smaller window, or more padding");
  // Positions are counted in 32 bits, and may pass the padded image by a window.
  if ((d.size + d.before + d.after + d.reach() + d.stride) >> 31 != 0)
    return error(ErrorCode::unsupported, "the image or window of a pooling is 2^31 or more", value,
                 "use smaller sizes");
  return {};
}

bool whole_map(const PoolProblem& p) {
  return p.window == Extent{p.h, p.w} && p.dilation == Extent{1, 1} && p.pad == Padding{};
}

Result<Layer> plan_windows(const PoolProblem& problem, const LaunchCost& cost) {
  const bool vector = problem.c % piece_width(problem.dtype) == 0;
  const int pieces = vector ? problem.c / piece_width(problem.dtype) : problem.c;
  PoolParams params = {};
  params.h = problem.h;
  params.w = problem.w;
  params.x_pitch = pitch_or(problem.pitch.x, problem.c);
  params.y_pitch = pitch_or(problem.pitch.y, problem.c);
  params.window_h = problem.window.h;
  params.window_w = problem.window.w;
  params.stride_h = problem.stride.h;
  params.stride_w = problem.stride.w;
  params.pad_top = problem.pad.top;
  params.pad_left = problem.pad.left;
  params.dilation_h = problem.dilation.h;
  params.dilation_w = problem.dilation.w;
  params.counted_h = problem.h + problem.pad.bottom;
  params.counted_w = problem.w + problem.pad.right;
  params.count_padding =
      problem.kind == PoolProblem::Kind::average && problem.count_include_pad ? 1 : 0;
  params.vector = vector ? 1 : 0;
  params.pieces = fast_division(pieces);
  params.columns = fast_division(problem.q());
  params.rows = fast_division(problem.p());
  const LayerOp op =
      problem.kind == PoolProblem::Kind::max ? LayerOp::max_pool : LayerOp::average_pool;
  const std::int64_t units = std::int64_t{problem.n} * problem.p() * problem.q() * pieces;
  return make_layer(op, problem.dtype, params, {.n = problem.n, .units = units}, cost);
}

Result<Layer> plan_global(const PoolProblem& problem, const LaunchCost& cost) {
  const std::int64_t pixels = std::int64_t{problem.h} * problem.w;
  if (Status status = check_divisors({{"h * w", pixels}}); !status.ok()) return status;
  const bool vector = problem.c % piece_width(problem.dtype) == 0;
  const int pieces = vector ? problem.c / piece_width(problem.dtype) : problem.c;
  // 128 bytes of a pixel where there are so many.
  const int most_lane_bits = vector ? 3 : 5;
  GlobalPoolParams params = {};
  params.pixels = static_cast<int>(pixels);
  params.h = problem.h;
  params.w = problem.w;
  params.tiles = mean_tiles(problem.h) * mean_tiles(problem.w);
  params.tile_columns = fast_division(mean_tiles(problem.w));
  params.c = problem.c;
  params.x_pitch = pitch_or(problem.pitch.x, problem.c);
  params.y_pitch = pitch_or(problem.pitch.y, problem.c);
  params.vector = vector ? 1 : 0;
  while (params.lane_bits < most_lane_bits && (1 << params.lane_bits) < pieces) ++params.lane_bits;
  const std::int64_t groups = ceil_div(pieces, std::int64_t{1} << params.lane_bits);
  params.groups = fast_division(groups);
  const LayerOp op = problem.kind == PoolProblem::Kind::max ? LayerOp::global_max_pool
                                                            : LayerOp::global_average_pool;
  return make_layer(op, problem.dtype, params,
                    {.n = problem.n, .units = problem.n * groups, .units_per_cta = 1}, cost);
}

}  // namespace

int PoolProblem::p() const {
  return static_cast<int>(vertical(*this).outputs(ceil_mode));
}
int PoolProblem::q() const {
  return static_cast<int>(horizontal(*this).outputs(ceil_mode));
}

Result<Layer> plan_pool(const PoolProblem& problem) {
  return guarded([&]() -> Result<Layer> {
    if (Status status =
            check_tensor(problem.dtype, {{"n", problem.n},
                                         {"h", problem.h},
                                         {"w", problem.w},
                                         named_pitch("pitch.x", problem.pitch.x, problem.c)});
        !status.ok())
      return status;
    if (problem.kind != PoolProblem::Kind::max && problem.kind != PoolProblem::Kind::average)
      return invalid("unknown kind of pooling",
                     text("static_cast<Kind>(", static_cast<int>(problem.kind), ")"),
                     "use max or average");
    const Direction v = vertical(problem), h = horizontal(problem);
    for (const Direction& direction : {v, h}) {
      if (Status status = check(direction); !status.ok()) return status;
    }
    const std::int64_t p = problem.p(), q = problem.q();
    if (Status status =
            check_tensor(problem.dtype, {{"n", problem.n},
                                         {"p", p},
                                         {"q", q},
                                         named_pitch("pitch.y", problem.pitch.y, problem.c)});
        !status.ok())
      return status;

    if (Status status = check_pitches(problem.dtype, problem.pitch, problem.c); !status.ok())
      return status;
    const double channels = double(problem.n) * problem.c;
    const double read = channels * double(v.read(p)) * double(h.read(q));
    const double written = channels * double(p) * double(q);
    const LaunchCost cost =
        layer_cost((read + written) * double(size_of(problem.dtype)),
                   written * double(problem.window.h) * double(problem.window.w));
    return whole_map(problem) ? plan_global(problem, cost) : plan_windows(problem, cost);
  });
}

}  // namespace foldconv::host
