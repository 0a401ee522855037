// SPDX-License-Identifier: MIT
#include "catalog/sm90_launch.hpp"

#include <algorithm>

#include "base/problem_sizes.hpp"
#include "cost/sm90_cost.hpp"

namespace foldconv::host {
namespace {

constexpr std::uint64_t kMapElement = 2;  // bytes

// 1x1, stride 1, not padded: x is a matrix of pixels and channels.
bool is_matrix(const ConvProblem& problem) {
  return problem.r == 1 && problem.s == 1 && problem.stride == Extent{1, 1} &&
         problem.pad == Padding{};
}

FastDivision fast_division(std::int64_t divisor) {
  return FastDivision(static_cast<std::uint32_t>(divisor));
}

CUtensorMapSwizzle swizzle_of(int row_bytes) {
  switch (row_bytes) {
    case 128:
      return CU_TENSOR_MAP_SWIZZLE_128B;
    case 64:
      return CU_TENSOR_MAP_SWIZZLE_64B;
    case 32:
      return CU_TENSOR_MAP_SWIZZLE_32B;
    default:
      return CU_TENSOR_MAP_SWIZZLE_NONE;
  }
}

std::uint64_t map_size(std::int64_t value) {
  return static_cast<std::uint64_t>(value);
}
std::uint32_t map_count(int value) {
  return static_cast<std::uint32_t>(value);
}

}  // namespace

LaunchShape sm90_launch_shape(const Sm90Variant& variant, const ConvProblem& problem,
                              const DeviceFigures& device) {
  const Sm90Tile& tile = *variant.kernel->tile;
  const Sm90Grid grid(tile, variant.multicast, problem);
  const std::int64_t at_once = std::max(device.multiprocessors / grid.tiles_of_unit, 1);
  return {static_cast<std::uint32_t>(std::min(grid.units(), at_once) * grid.tiles_of_unit),
          map_count(tile.threads()), static_cast<std::size_t>(tile.shared_bytes()),
          map_count(grid.tiles_of_unit)};
}

TensorMapSpec sm90_x_map(const Sm90Variant& variant, const ConvProblem& problem) {
  const int rows = variant.kernel->tile->x_box_rows(variant.multicast);
  const std::uint64_t pixel = map_size(x_pitch(problem)) * kMapElement;
  TensorMapSpec spec = {.dtype = problem.dtype, .swizzle = CU_TENSOR_MAP_SWIZZLE_128B};
  if (is_matrix(problem)) {
    spec.rank = 2;
    spec.dims = {map_size(problem.c), map_size(output_pixels(problem))};
    spec.strides = {pixel};
    spec.box = {kSliceWidth, map_count(rows)};
    return spec;
  }
  spec.rank = 4;
  spec.dims = {map_size(problem.c), map_size(problem.w), map_size(problem.h), map_size(problem.n)};
  spec.strides = {pixel, pixel * map_size(problem.w),
                  pixel * map_size(problem.w) * map_size(problem.h)};
  spec.im2col = true;
  spec.element_strides = {1, map_count(problem.stride.w), map_count(problem.stride.h), 1, 1};
  spec.lower = {-problem.pad.left, -problem.pad.top};
  spec.upper = {problem.pad.right - (problem.s - 1) * problem.dilation.w,
                problem.pad.bottom - (problem.r - 1) * problem.dilation.h};
  spec.channels = kSliceWidth;
  spec.pixels = map_count(rows);
  return spec;
}

TensorMapSpec sm90_w_map(const Sm90Variant& variant, const ConvProblem& problem) {
  const std::uint64_t row = map_size(weight_layout(problem).row());
  return {.dtype = problem.dtype,
          .rank = 2,
          .dims = {row, map_size(problem.k)},
          .strides = {row * kMapElement},
          .swizzle = CU_TENSOR_MAP_SWIZZLE_128B,
          .box = {kSliceWidth, map_count(variant.kernel->tile->w_box_rows(variant.multicast))}};
}

TensorMapSpec sm90_y_map(const Sm90Variant& variant, const ConvProblem& problem, int pitch) {
  const int width = variant.kernel->tile->panel_width();
  return {.dtype = problem.dtype,
          .rank = 3,
          .dims = {map_size(k_per_group(problem)), map_size(problem.groups),
                   map_size(output_pixels(problem))},
          .strides = {map_size(k_per_group(problem)) * kMapElement, map_size(pitch) * kMapElement},
          .swizzle = swizzle_of(width * static_cast<int>(kMapElement)),
          .box = {map_count(width), 1, Sm90Tile::kBoxRows}};
}

ConvSm90Params sm90_params(const Sm90Variant& variant, const ConvProblem& problem) {
  const Sm90Grid grid(*variant.kernel->tile, variant.multicast, problem);
  ConvSm90Params params = {};
  params.activation = activation_params(problem.activation);
  params.has_residual = problem.residual ? 1 : 0;
  params.loader = is_matrix(problem) ? Sm90Loader::unit : Sm90Loader::im2col;
  params.multicast = variant.multicast;
  params.m = static_cast<int>(output_pixels(problem));
  params.c_per_group = c_per_group(problem);
  params.k_per_group = k_per_group(problem);
  params.slices = weight_layout(problem).slices();
  params.r = problem.r;
  params.s = problem.s;
  params.stride_h = problem.stride.h;
  params.stride_w = problem.stride.w;
  params.pad_top = problem.pad.top;
  params.pad_left = problem.pad.left;
  params.dilation_h = problem.dilation.h;
  params.dilation_w = problem.dilation.w;
  params.units = static_cast<int>(grid.units());
  params.per_image = fast_division(std::int64_t{problem.p()} * problem.q());
  params.per_row = fast_division(problem.q());
  params.unit_columns = fast_division(grid.unit_columns);
  params.unit_columns_group = fast_division(grid.unit_columns_per_group);
  return params;
}

Status Sm90Arguments::bind(const void* x, const void* residual, void* y) {
  if (Status status = calls.set_address(params.x, x); !status.ok()) return status;
  if (Status status = calls.set_address(params.y, y); !status.ok()) return status;
  return residual == nullptr ? Status() : calls.set_address(params.residual, residual);
}

Status make_sm90_arguments(const Sm90Variant& variant, const ConvProblem& problem,
                           const void* weights, const float* scale, const float* bias,
                           Sm90Arguments& arguments) {
  const Result<TensorMapCalls> calls = TensorMapCalls::load();
  if (!calls.ok()) return calls.status();
  arguments.calls = *calls;
  arguments.params = sm90_params(variant, problem);
  ConvSm90Params& params = arguments.params;
  params.scale = scale;
  params.bias = bias;
  const struct {
    TensorMapSpec spec;
    const char* what;
    CUtensorMap& map;
  } maps[] = {
      {sm90_x_map(variant, problem), "x", params.x},
      {sm90_w_map(variant, problem), "the weights", params.w},
      {sm90_y_map(variant, problem, y_pitch(problem)), "y", params.y},
      {sm90_y_map(variant, problem, residual_pitch(problem)), "the residual", params.residual}};
  for (const auto& each : maps) {
    if (Status status = calls->encode(each.spec, weights, each.what, each.map); !status.ok())
      return status;
  }
  return {};
}

}  // namespace foldconv::host
