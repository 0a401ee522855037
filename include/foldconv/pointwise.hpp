// SPDX-License-Identifier: MIT
/// @file
/// BatchNorm, add and activation as separate kernels: what a network without fusion runs after each
/// convolution. The baseline of the benchmark and a second opinion in the tests; a convolution
/// without fusion is a Conv folded without BatchNorm, planned without activation and residual
/// (pinned to "direct_*" for the kernel without tensor cores).
///
/// Tensors: NHWC, dense or with pitches, 16-byte aligned device pointers; y may be an input (in place, of the same pitch), and
/// may not overlap one otherwise. Each call launches one kernel on `stream`: no allocation, no
/// synchronisation, thread-safe, may be captured. Arithmetic in fp32, one rounding at the store.
/// Errors, y untouched: invalid_argument, misaligned, aliasing, device_too_old, cuda_error.
#pragma once

#include <cuda_runtime_api.h>

#include "foldconv/conv.hpp"

namespace foldconv::pointwise {

/// Loads the kernels for `dtype` on the current device. Otherwise the first call of each does, which
/// a stream that is being captured may forbid: call this before a capture. Errors: invalid_argument,
/// device_too_old, cuda_error.
FOLDCONV_API Status prepare(DataType dtype);

/// Device arrays of c fp32 elements; all required.
struct BatchNormArrays {
  const float* gamma = nullptr;
  const float* beta = nullptr;
  const float* mean = nullptr;
  const float* variance = nullptr;
  float eps = 0;
};

/// y = gamma * (x - mean) / sqrt(variance + eps) + beta
FOLDCONV_API Status batch_norm(DataType dtype, const Shape& shape, const void* x,
                               const BatchNormArrays& arrays, void* y,
                               cudaStream_t stream = nullptr, const Pitches& pitch = {});

/// y = x + z; pitch.residual is z's
FOLDCONV_API Status add(DataType dtype, const Shape& shape, const void* x, const void* z, void* y,
                        cudaStream_t stream = nullptr, const Pitches& pitch = {});

/// y = activation(x)
FOLDCONV_API Status activate(DataType dtype, const Shape& shape, const Activation& activation,
                             const void* x, void* y, cudaStream_t stream = nullptr,
                             const Pitches& pitch = {});

}  // namespace foldconv::pointwise
