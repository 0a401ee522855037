// SPDX-License-Identifier: MIT
// Kernels of one stage each, so that a stage is tested apart from the convolutions made of it.
#pragma once

#include <cstdint>

namespace foldconv::stage_tests {

// y[32][32] = activation(scale[k] * sum_c x[m, c] * w[k, c] + bias[k] + residual[m, k]) by one warp:
// swizzled slices, WarpMma<2, 4>, Epilogue; x, w [32][64] f16 as bits, residual [32][32] fp32 or null.
// Columns from `channels` on are scaled by zero. `rows`: by Epilogue::apply_to_rows().
struct ProductParams {
  const std::uint16_t *x, *w;
  const float *scale, *bias, *residual;
  float* y;
  int channels;
  int activation;
  float alpha, beta;
  int rows;
};
void launch_product(const ProductParams& params);

// Sends `count` stages of 1024 bytes through a ring: y[i] is stage i, 256 words. `stages`: 2, 3 or 4.
struct RingParams {
  const std::uint32_t* x;
  std::uint32_t* y;
  int count;
};
void launch_ring(const RingParams& params, int stages);

}  // namespace foldconv::stage_tests
