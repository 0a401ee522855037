// SPDX-License-Identifier: MIT
// Copies by strides, with conversion: slices, concatenation, broadcast, constant padding, nearest upsampling, and
// transposes.
//
//   copy: y[y_offset + sum of i * y_stride] = x[x_offset + sum of (i / divide + x_begin) * x_stride], or the fill value
//   where an index lies outside x; one rounding where the types differ, the same bits where they do not
//   transpose: the same without divide, x_begin and fill, for x contiguous along another axis than y
//
// Pointers 16-byte aligned; strides and offsets in elements. copy: a thread makes a piece of y, innermost extent fastest:
// 16 bytes of the larger type where extent, strides and offsets permit, else one element.
// transpose: a CTA takes a tile of 32 x 32 elements through shared memory, lines of 32 of y's type and a word: reads along
// x's rows, writes along y's columns, no bank conflicts.
#pragma once

#include "params/layer_params.hpp"
#include "stage/piece.cuh"

namespace foldconv {

// Calls body(pointer) with x as its elements are stored.
template <class Body>
__device__ __forceinline__ void with_storage(Storage storage, const void* x, Body&& body) {
  switch (storage) {
    case Storage::f16:
      return body(static_cast<const element::f16*>(x));
    case Storage::bf16:
      return body(static_cast<const element::bf16*>(x));
    default:
      return body(static_cast<const element::f32*>(x));
  }
}

template <class To, class From>
__device__ __forceinline__ To converted(From value) {
  if constexpr (std::is_same_v<To, From>) {
    return value;
  } else {
    return from_float<To>(to_float(value));
  }
}

template <class To, class From, int kWidth>
__device__ __forceinline__ void copy_piece(const CopyParams& p, const From* x, std::int64_t unit) {
  std::int64_t rest = unit, x_index = p.x_offset, y_index = p.y_offset;
  bool inside = true;
  for (int a = 0; a < p.axis_count; ++a) {
    const CopyAxisParams& axis = p.axes[a];
    std::int64_t i = take_digit(rest, axis.extent);
    y_index += i * axis.y_stride;
    if (axis.divide.divisor > 1) take_digit(i, axis.divide);
    i += axis.x_begin;
    inside = inside && (axis.checked == 0 || (i >= 0 && i < axis.x_extent));
    x_index += i * axis.x_stride;
  }
  Piece<To, kWidth> y;
  if (inside) {
    const auto piece = *reinterpret_cast<const Piece<From, kWidth>*>(x + x_index);
#pragma unroll
    for (int e = 0; e < kWidth; ++e) y.values[e] = converted<To>(piece.values[e]);
  } else {
#pragma unroll
    for (int e = 0; e < kWidth; ++e) y.values[e] = from_float<To>(p.fill);
  }
  *reinterpret_cast<Piece<To, kWidth>*>(static_cast<To*>(p.y) + y_index) = y;
}

template <class To>
__global__ void __launch_bounds__(kLayerThreads) copy(const __grid_constant__ CopyParams p) {
  with_storage(p.from, p.x, [&](const auto* x) {
    using From = std::remove_cv_t<std::remove_pointer_t<decltype(x)>>;
    using Larger = std::conditional_t<(sizeof(From) > sizeof(To)), From, To>;
    with_width<Larger>(p.vector, [&](auto width) {
      for_units_of_thread<kLayerThreads>(
          p.units, [&](std::int64_t unit) { copy_piece<To, From, width()>(p, x, unit); });
    });
  });
}

// From line to line in shared memory: an odd number of words.
template <class Element>
inline constexpr int kTransposePitch = kTransposeTile + static_cast<int>(4 / sizeof(Element));

template <class To, class From>
__device__ __forceinline__ void transpose_tile(const TransposeParams& p, const From* x,
                                               std::int64_t unit, To (*tile)[kTransposePitch<To>]) {
  constexpr int kStep = kLayerThreads / kTransposeTile;
  const int lane = static_cast<int>(threadIdx.x) % kTransposeTile;
  const int line = static_cast<int>(threadIdx.x) / kTransposeTile;
  std::int64_t rest = unit;
  const std::int64_t first_column = take_digit(rest, p.column_tiles) * kTransposeTile;
  const std::int64_t first_row = take_digit(rest, p.row_tiles) * kTransposeTile;
  std::int64_t x_index = p.x_offset, y_index = p.y_offset;
  for (int a = 0; a < p.axis_count; ++a) {
    const std::int64_t i = take_digit(rest, p.axes[a].extent);
    x_index += i * p.axes[a].x_stride;
    y_index += i * p.axes[a].y_stride;
  }
  // Columns line by line, a row a lane.
#pragma unroll
  for (int i = line; i < kTransposeTile; i += kStep) {
    if (first_column + i >= p.columns || first_row + lane >= p.rows) continue;
    tile[i][lane] =
        converted<To>(x[x_index + (first_column + i) * p.x_column_stride + first_row + lane]);
  }
  __syncthreads();
  // Rows line by line, a column a lane.
#pragma unroll
  for (int i = line; i < kTransposeTile; i += kStep) {
    if (first_row + i >= p.rows || first_column + lane >= p.columns) continue;
    static_cast<To*>(p.y)[y_index + (first_row + i) * p.y_row_stride + first_column + lane] =
        tile[lane][i];
  }
  __syncthreads();  // the next tile is written where this one is read
}

template <class To>
__global__ void __launch_bounds__(kLayerThreads)
    transpose(const __grid_constant__ TransposeParams p) {
  __shared__ To tile[kTransposeTile][kTransposePitch<To>];
  with_storage(p.from, p.x, [&](const auto* x) {
    for (std::int64_t unit = blockIdx.x; unit < p.units; unit += gridDim.x)
      transpose_tile(p, x, unit, tile);
  });
}

}  // namespace foldconv
