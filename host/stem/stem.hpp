// SPDX-License-Identifier: MIT
// A network's first convolution with its max-pool as one launch, from pixels (kernels/sm80/stem.cuh).
#pragma once

#include <optional>
#include <string>

#include "base/device.hpp"
#include "foldconv/conv.hpp"
#include "foldconv/cost.hpp"
#include "foldconv/pixels.hpp"
#include "layer/layer.hpp"
#include "layer/pool.hpp"

namespace foldconv::host {

// y = pool(conv(x)), with the bits of preprocess, convolution and pooling as launches of their own.
struct StemProblem {
  ConvProblem conv;  // pitch.x: of a tensor; pitch.y: of y, pooled or not
  std::optional<Padding> pool = {};
  bool ceil_mode = false;  // of the pooling
  std::optional<PixelFormat> pixels =
      {};  // x as the caller has it, nchw or nhwc; else a tensor of conv.dtype, NHWC

  // The pooling, 3x3 and stride 2, as a layer of its own.
  PoolProblem pooling() const;
  Shape output() const;
};

// Device arrays of the convolution as Conv keeps them; they outlive the layer.
struct StemWeights {
  const void* w = nullptr;
  const float* scale = nullptr;
  const float* bias = nullptr;
};

// "" if a kernel takes such a convolution, of whatever images; else the rule that fails, the value that fails it, and the
// nearest legal value where there is one.
std::string stem_form_rule(const ConvProblem& conv);
// "" if a kernel takes the problem. `problem.conv` passed validate().
std::string stem_rule(const StemProblem& problem, const DeviceFigures& device);

// Errors: unsupported (stem_rule()), those of validate(), device_too_old, cuda_error.
Result<Layer> plan_stem(const StemProblem& problem, const StemWeights& weights);

}  // namespace foldconv::host
