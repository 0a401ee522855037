// SPDX-License-Identifier: MIT
// What fragments on the pages use and do not declare.
#pragma once

#include <cuda_runtime_api.h>

#include <foldconv/foldconv.hpp>
#include <foldconv/onnx.hpp>

// What a fragment returns: its own function's business.
struct Outcome {
  Outcome(int = 0) {}
};
Outcome report(const foldconv::Status& status);

extern const std::span<const float> w, g, b, m, v;
extern const foldconv::ConvWeights c1, c2, c3, cd;
extern const std::optional<foldconv::BatchNorm> bn1, bn2, bn3, bnd;
extern const foldconv::Result<foldconv::Block> second, third;

extern const void *x, *images, *pixels;
extern void *y, *t, *logits, *workspace;
extern const cudaStream_t stream;
