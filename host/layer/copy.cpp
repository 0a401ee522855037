// SPDX-License-Identifier: MIT
#include "layer/copy.hpp"

#include <algorithm>

#include "base/enum_checks.hpp"
#include "base/error.hpp"
#include "base/sizes.hpp"
#include "base/text.hpp"
#include "layer/layer_sizes.hpp"
#include "layer/make_layer.hpp"

namespace foldconv::host {
namespace {

Status check(const CopyProblem& problem) {
  if (Status status = check_data_type(problem.from); !status.ok()) return status;
  if (Status status = check_data_type(problem.to); !status.ok()) return status;
  const std::size_t rank = problem.axes.size();
  if (rank > kMostAxes)
    return error(ErrorCode::unsupported, text("more than ", kMostAxes, " extents"),
                 text("extents: ", rank), "join extents that lie one behind the other");
  if (problem.batched && rank == 0)
    return invalid("there is no extent for the images", "extents: 0", "give n as the first one");
  if (problem.x_offset < 0 || problem.y_offset < 0)
    return invalid("an offset is negative",
                   text("x_offset = ", problem.x_offset, ", y_offset = ", problem.y_offset),
                   "use offsets of at least 0");
  std::int64_t elements = 1;
  for (const CopyAxis& axis : problem.axes) {
    if (Status status = check_tensor(problem.to, {{"elements", elements}, {"extent", axis.extent}});
        !status.ok())
      return status;
    if (Status status = check_tensor(problem.from, {{"x_extent", axis.x_extent}}); !status.ok())
      return status;
    if (axis.divide < 1)
      return invalid("a divisor is not positive", text("divide = ", axis.divide),
                     "use 1 to read each element once");
    if (Status status = check_divisors({{"extent", axis.extent}}); !status.ok()) return status;
    if (axis.extent > 1 && axis.y_stride < 1)
      return invalid("a stride of y is not positive", text("y_stride = ", axis.y_stride),
                     "write every element of y once");
    elements *= axis.extent;
  }
  return {};
}

struct JoinedCopyAxis : CopyAxis {
  bool images = false;
  bool checked = true;

  std::int64_t last_index() const { return (extent - 1) / divide + x_begin; }
  bool plain() const { return !checked && divide == 1; }

  // Elements of x that are read along it.
  std::int64_t distinct() const {
    if (x_stride == 0) return 1;
    const std::int64_t first = std::max<std::int64_t>(x_begin, 0);
    return std::max<std::int64_t>(std::min(last_index(), x_extent - 1) - first + 1, 0);
  }
  // Whether it and the next inner one are one axis, of x and of y.
  bool joins(const JoinedCopyAxis& inner) const {
    return divide == 1 && inner.plain() && y_stride == inner.extent * inner.y_stride &&
           x_stride == inner.extent * inner.x_stride && (extent * inner.extent) >> 31 == 0;
  }
  JoinedCopyAxis joined(const JoinedCopyAxis& inner) const {
    JoinedCopyAxis axis = *this;
    axis.extent *= inner.extent;
    axis.y_stride = inner.y_stride;
    axis.x_stride = inner.x_stride;
    axis.x_begin *= inner.extent;
    axis.x_extent *= inner.extent;
    return axis;
  }
  CopyAxisParams params() const {
    return {fast_division(extent), fast_division(divide), y_stride, x_stride, x_begin, x_extent,
            checked ? 1 : 0};
  }
};

// A problem with axes as few and simple as they can be, innermost in y first, the images' last.
struct Simplified {
  std::vector<JoinedCopyAxis> axes;
  std::int64_t x_offset;

  explicit Simplified(const CopyProblem& problem) : x_offset(problem.x_offset) {
    std::vector<JoinedCopyAxis> all;
    for (std::size_t i = 0; i < problem.axes.size(); ++i) {
      JoinedCopyAxis axis;
      static_cast<CopyAxis&>(axis) = problem.axes[i];
      axis.images = problem.batched && i == 0;
      if (axis.divide >= axis.extent) {  // one index for all
        axis.divide = 1;
        if (axis.x_begin >= 0 && axis.x_begin < axis.x_extent) {
          x_offset += axis.x_begin * axis.x_stride;
          axis.x_begin = axis.x_stride = 0;
          axis.x_extent = axis.extent;
        } else if (axis.extent > 1) {
          axis.x_begin = axis.extent;  // all outside
          axis.x_extent = 1;
        }
      }
      if (axis.x_begin >= 0 && axis.last_index() < axis.x_extent) {
        x_offset += axis.x_begin * axis.x_stride;
        axis.x_begin = 0;
        axis.checked = false;
      }
      if (axis.extent > 1 || axis.checked) all.push_back(axis);
    }
    std::ranges::stable_sort(all, [](const JoinedCopyAxis& a, const JoinedCopyAxis& b) {
      return a.images != b.images ? b.images : a.y_stride < b.y_stride;
    });
    for (const JoinedCopyAxis& axis : all) {
      if (!axes.empty() && !axis.images && axis.joins(axes.back())) {
        axes.back() = axis.joined(axes.back());
      } else {
        axes.push_back(axis);
      }
    }
  }

  // The images with what lies inside them. A piece is of one image, so after it is known what moves in pieces.
  void join_images() {
    if (axes.size() < 2 || !axes.back().images || !axes.back().joins(axes[axes.size() - 2])) return;
    const JoinedCopyAxis images = axes.back();
    axes.pop_back();
    axes.back() = images.joined(axes.back());
  }
  std::int64_t elements() const {
    std::int64_t product = 1;
    for (const JoinedCopyAxis& axis : axes) product *= axis.extent;
    return product;
  }
};

bool moves_in_pieces(const Simplified& copy, std::int64_t y_offset, int width) {
  if (copy.axes.empty() || copy.axes.front().images) return false;
  const auto whole = [width](std::int64_t size) { return size % width == 0; };
  const JoinedCopyAxis& inner = copy.axes.front();
  return inner.divide == 1 && inner.y_stride == 1 && inner.x_stride == 1 && whole(inner.extent) &&
         (!inner.checked || (whole(inner.x_begin) && whole(inner.x_extent))) && whole(y_offset) &&
         whole(copy.x_offset) &&
         std::all_of(copy.axes.begin() + 1, copy.axes.end(), [&](const JoinedCopyAxis& axis) {
           return whole(axis.y_stride) && whole(axis.x_stride);
         });
}

// The axis along which x is contiguous, if it is to be copied by tiles: y is contiguous along another one, both are long
// enough for tiles, and nothing has to be filled. 0: none.
std::size_t transposed_axis(const std::vector<JoinedCopyAxis>& axes) {
  constexpr std::int64_t kShortest = 8;
  if (axes.size() < 2 || axes.front().images || axes.front().y_stride != 1 ||
      axes.front().extent < kShortest || !std::ranges::all_of(axes, &JoinedCopyAxis::plain))
    return 0;
  for (std::size_t i = 1; i < axes.size(); ++i) {
    if (axes[i].x_stride == 1 && axes[i].extent >= kShortest && !axes[i].images) return i;
  }
  return 0;
}

Storage storage_of(DataType dtype) {
  switch (dtype) {
    case DataType::f16:
      return Storage::f16;
    case DataType::bf16:
      return Storage::bf16;
    case DataType::f32:
      break;
  }
  return Storage::f32;
}

struct Planning {
  const CopyProblem& problem;
  LayerWork work;  // but the units
  LaunchCost cost;

  Result<Layer> by_tiles(Simplified copy, std::size_t along) const {
    const JoinedCopyAxis rows = copy.axes[along], columns = copy.axes.front();
    copy.axes.erase(copy.axes.begin() + static_cast<std::ptrdiff_t>(along));
    copy.axes.erase(copy.axes.begin());
    TransposeParams params = {};
    params.x_offset = copy.x_offset;
    params.y_offset = problem.y_offset;
    params.columns = columns.extent;
    params.rows = rows.extent;
    params.x_column_stride = columns.x_stride;
    params.y_row_stride = rows.y_stride;
    const std::int64_t column_tiles = ceil_div(columns.extent, kTransposeTile);
    const std::int64_t row_tiles = ceil_div(rows.extent, kTransposeTile);
    params.column_tiles = fast_division(column_tiles);
    params.row_tiles = fast_division(row_tiles);
    for (const JoinedCopyAxis& axis : copy.axes) params.axes[params.axis_count++] = axis.params();
    params.from = storage_of(problem.from);
    LayerWork tiles = work;
    tiles.units = column_tiles * row_tiles * copy.elements();
    tiles.units_per_cta = 1;
    return make_layer(LayerOp::transpose, problem.to, params, tiles, cost);
  }

  Result<Layer> by_pieces(Simplified copy) const {
    const int width = std::min(piece_width(problem.from), piece_width(problem.to));
    CopyParams params = {};
    params.x_offset = copy.x_offset;
    params.y_offset = problem.y_offset;
    params.from = storage_of(problem.from);
    params.fill = problem.fill;
    params.vector = moves_in_pieces(copy, problem.y_offset, width) ? 1 : 0;
    copy.join_images();
    if (params.vector != 0) {
      JoinedCopyAxis& inner = copy.axes.front();
      inner.extent /= width;
      inner.y_stride = inner.x_stride = width;
      inner.x_begin /= width;
      inner.x_extent /= width;
    }
    for (const JoinedCopyAxis& axis : copy.axes) params.axes[params.axis_count++] = axis.params();
    LayerWork pieces = work;
    pieces.units = copy.elements();
    return make_layer(LayerOp::copy, problem.to, params, pieces, cost);
  }
};

}  // namespace

Result<Layer> plan_copy(const CopyProblem& problem) {
  return guarded([&]() -> Result<Layer> {
    if (Status status = check(problem); !status.ok()) return status;
    const Simplified copy(problem);
    double read = double(size_of(problem.from));
    for (const JoinedCopyAxis& axis : copy.axes) read *= double(axis.distinct());
    const double written = double(copy.elements()) * double(size_of(problem.to));
    const Planning planning = {
        problem,
        {.n = problem.batched ? static_cast<int>(problem.axes.front().extent) : 1,
         .batched = problem.batched},
        layer_cost(read + written, 0)};
    const std::size_t along = transposed_axis(copy.axes);
    return along > 0 ? planning.by_tiles(copy, along) : planning.by_pieces(copy);
  });
}

}  // namespace foldconv::host
