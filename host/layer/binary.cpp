// SPDX-License-Identifier: MIT
#include "layer/binary.hpp"

#include <algorithm>

#include "base/enum_checks.hpp"
#include "base/error.hpp"
#include "base/text.hpp"
#include "layer/layer_sizes.hpp"
#include "layer/make_layer.hpp"

namespace foldconv::host {
namespace {

struct BinaryExtent {
  std::int64_t extent, x_stride, z_stride, y_stride;

  bool joins(const BinaryExtent& inner) const {
    return x_stride == inner.extent * inner.x_stride && z_stride == inner.extent * inner.z_stride &&
           y_stride == inner.extent * inner.y_stride && (extent * inner.extent) >> 31 == 0;
  }
  BinaryExtent joined(const BinaryExtent& inner) const {
    return {extent * inner.extent, inner.x_stride, inner.z_stride, inner.y_stride};
  }
};

Status check(const BinaryProblem& problem) {
  const std::size_t rank = problem.extents.size();
  const std::string ranks = text("extents: ", rank, ", strides of x: ", problem.x_strides.size(),
                                 ", of z: ", problem.z_strides.size());
  const bool y_dense = problem.y_strides.empty();
  if (problem.x_strides.size() != rank || problem.z_strides.size() != rank ||
      (!y_dense && problem.y_strides.size() != rank))
    return invalid("extents and strides differ in number", ranks, "give a stride for each extent");
  if (rank > kMostAxes)
    return error(ErrorCode::unsupported, text("more than ", kMostAxes, " extents"), ranks,
                 "join extents that lie one behind the other");
  if (problem.batched && rank == 0)
    return invalid("there is no extent for the images", ranks, "give n as the first extent");
  if (problem.op != BinaryProblem::Op::add && problem.op != BinaryProblem::Op::multiply)
    return invalid("unknown operation", text("static_cast<Op>(", static_cast<int>(problem.op), ")"),
                   "use add or multiply");
  std::int64_t elements = 1;
  for (std::size_t i = 0; i < rank; ++i) {
    const std::string_view extent = "extent";
    if (Status status =
            check_tensor(problem.dtype, {{"elements", elements}, {extent, problem.extents[i]}});
        !status.ok())
      return status;
    if (Status status = check_divisors({{extent, problem.extents[i]}}); !status.ok()) return status;
    elements *= problem.extents[i];
    if (!y_dense && problem.y_strides[i] < 1)
      return invalid("a stride of y is less than 1", text(problem.y_strides[i]),
                     "use the elements from one to the next");
    if (problem.x_strides[i] < 0 || problem.z_strides[i] < 0)
      return invalid("a stride is negative",
                     text("of x ", problem.x_strides[i], ", of z ", problem.z_strides[i]),
                     "use strides of at least 0");
  }
  if (Status status = check_data_type(problem.dtype); !status.ok()) return status;
  return check_activation(problem.activation);
}

// The extents as few as they can be, innermost first: without those of 1, neighbours joined. The images' stays apart.
std::vector<BinaryExtent> joined_axes(const BinaryProblem& problem) {
  std::vector<BinaryExtent> axes;
  std::int64_t dense = 1;
  for (std::size_t i = problem.extents.size(); i-- > 0;) {
    const BinaryExtent axis = {problem.extents[i], problem.x_strides[i], problem.z_strides[i],
                               problem.y_strides.empty() ? dense : problem.y_strides[i]};
    dense *= axis.extent;
    if (axis.extent == 1) continue;
    const bool images = problem.batched && i == 0;
    if (!axes.empty() && !images && axis.joins(axes.back())) {
      axes.back() = axis.joined(axes.back());
    } else {
      axes.push_back(axis);
    }
  }
  return axes;
}

// Whether x, or z, moves in pieces of `width`: contiguous along the innermost extent, or one element for all of it.
bool moves_in_pieces(const std::vector<BinaryExtent>& axes, std::int64_t BinaryExtent::*stride,
                     int width) {
  if (axes.front().*stride == 0) return true;
  return axes.front().*stride == 1 &&
         std::all_of(axes.begin() + 1, axes.end(),
                     [&](const BinaryExtent& a) { return a.*stride % width == 0; });
}

// Elements that a tensor has.
double distinct(const std::vector<BinaryExtent>& axes, std::int64_t BinaryExtent::*stride) {
  double elements = 1;
  for (const BinaryExtent& axis : axes) {
    if (axis.*stride != 0) elements *= double(axis.extent);
  }
  return elements;
}

}  // namespace

Result<Layer> plan_binary(const BinaryProblem& problem) {
  return guarded([&]() -> Result<Layer> {
    if (Status status = check(problem); !status.ok()) return status;
    std::vector<BinaryExtent> axes = joined_axes(problem);
    const std::int64_t n = problem.batched ? problem.extents.front() : 1;
    // A piece is of one image.
    const bool images_alone = n > 1 && axes.size() == 1;
    const int width = piece_width(problem.dtype);
    const bool vector = !axes.empty() && !images_alone && axes.front().extent % width == 0 &&
                        moves_in_pieces(axes, &BinaryExtent::x_stride, width) &&
                        moves_in_pieces(axes, &BinaryExtent::z_stride, width) &&
                        moves_in_pieces(axes, &BinaryExtent::y_stride, width);
    double elements = 1;
    for (const BinaryExtent& axis : axes) elements *= double(axis.extent);
    const double touched = elements + distinct(axes, &BinaryExtent::x_stride) +
                           distinct(axes, &BinaryExtent::z_stride);
    if (n > 1 && axes.size() > 1 && axes.back().joins(axes[axes.size() - 2])) {
      const BinaryExtent images = axes.back();
      axes.pop_back();
      axes.back() = images.joined(axes.back());
    }

    BinaryParams params = {};
    params.multiply = problem.op == BinaryProblem::Op::multiply ? 1 : 0;
    params.activation = activation_params(problem.activation);
    params.vector = vector ? 1 : 0;
    if (vector) {
      params.x_spread = axes.front().x_stride == 0 ? 1 : 0;
      params.z_spread = axes.front().z_stride == 0 ? 1 : 0;
      axes.front() = {axes.front().extent / width, axes.front().x_stride * width,
                      axes.front().z_stride * width, axes.front().y_stride * width};
    }
    std::int64_t units = 1;
    for (const BinaryExtent& axis : axes) {
      params.axes[params.axis_count++] = {fast_division(axis.extent), axis.x_stride, axis.z_stride,
                                          axis.y_stride};
      units *= axis.extent;
    }
    return make_layer(LayerOp::binary, problem.dtype, params,
                      {.n = static_cast<int>(n), .batched = problem.batched, .units = units},
                      layer_cost(touched * double(size_of(problem.dtype)), elements));
  });
}

}  // namespace foldconv::host
