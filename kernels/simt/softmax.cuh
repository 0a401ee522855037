// SPDX-License-Identifier: MIT
// Softmax over the middle extent of [outer][length][inner], dense.
//
//   y = exp(x - max) / sum of exp(x - max), in fp32, one rounding at the store; NaN and +infinity make the whole sum NaN
//
// A CTA takes so many positions of [outer][inner] as it has lanes, with as many threads each as it has rows; a row takes
// every rows-th element, the rows' results meet in shared memory, as a tree: the order depends on length and inner alone.
// x is read three times (largest, sum, result), from the caches but for the first; y may be x. Elements move one by one:
// the tensors are small. Neighbouring threads are rows where inner is 1, else lanes, so that they read neighbours.
// Shared memory: [threads] fp32.
#pragma once

#include "params/layer_params.hpp"
#include "ptx/min_max.cuh"
#include "stage/piece.cuh"

namespace foldconv {

// The rows' values as one, in every row. `rows_apart`: threads between neighbouring rows.
template <class Combine>
__device__ __forceinline__ float over_rows(float value, int row, int rows, int rows_apart,
                                           float* partial, Combine&& combine) {
  const int thread = static_cast<int>(threadIdx.x);
  partial[thread] = value;
  for (int half = rows / 2; half > 0; half /= 2) {
    __syncthreads();
    if (row >= half) continue;
    value = combine(value, partial[thread + half * rows_apart]);
    partial[thread] = value;
  }
  __syncthreads();
  value = partial[thread - row * rows_apart];
  __syncthreads();  // before the next use of `partial`
  return value;
}

template <class Element>
__global__ void __launch_bounds__(kLayerThreads) softmax(const __grid_constant__ SoftmaxParams p) {
  __shared__ float partial[kLayerThreads];
  const int thread = static_cast<int>(threadIdx.x);
  const int rows = 1 << p.row_bits, lanes = kLayerThreads >> p.row_bits;
  const int lane_bits = __ffs(lanes) - 1;
  const int row = p.rows_first != 0 ? thread & (rows - 1) : thread >> lane_bits;
  const int lane = p.rows_first != 0 ? thread >> p.row_bits : thread & (lanes - 1);
  const int rows_apart = p.rows_first != 0 ? 1 : lanes;

  for (std::int64_t first = static_cast<std::int64_t>(blockIdx.x) * lanes; first < p.units;
       first += static_cast<std::int64_t>(gridDim.x) * lanes) {
    const std::int64_t position = first + lane;
    const std::int64_t length = position < p.units ? p.length : 0;
    const std::int64_t start = position / p.inner * p.length * p.inner + position % p.inner;
    const auto* x = static_cast<const Element*>(p.x) + start;
    auto* y = static_cast<Element*>(p.y) + start;

    float largest = __int_as_float(0xff800000);
    for (std::int64_t i = row; i < length; i += rows)
      largest = ptx::max_nan(largest, to_float(x[i * p.inner]));
    largest = over_rows(largest, row, rows, rows_apart, partial,
                        [](float a, float b) { return ptx::max_nan(a, b); });
    float sum = 0.0f;
    for (std::int64_t i = row; i < length; i += rows)
      sum += expf(to_float(x[i * p.inner]) - largest);
    sum = over_rows(sum, row, rows, rows_apart, partial, [](float a, float b) { return a + b; });
    for (std::int64_t i = row; i < length; i += rows)
      y[i * p.inner] = from_float<Element>(expf(to_float(x[i * p.inner]) - largest) / sum);
  }
}

}  // namespace foldconv
