// SPDX-License-Identifier: MIT
// Activations, in fp32. NaN stays NaN in all of them.
#pragma once

#include "foldconv/activation.hpp"
#include "params/conv_params.hpp"
#include "ptx/min_max.cuh"

namespace foldconv {

static_assert(ActivationParams().kind == static_cast<int>(Activation::Kind::clip));

// none, relu, relu6 and clip are one clamp: two instructions and no branch.
struct Clamp {
  float low, high;
  __device__ __forceinline__ explicit Clamp(const ActivationParams& params)
      : low(params.alpha), high(params.beta) {}
  static __device__ __forceinline__ bool takes(Activation::Kind kind) {
    return kind == Activation::Kind::clip;
  }
  __device__ __forceinline__ float operator()(float v) const {
    return ptx::min_nan(ptx::max_nan(v, low), high);
  }
};

// Calls body(activation) with the function of `params`: one branch for all that body does.
template <class Body>
__device__ __forceinline__ void with_activation(const ActivationParams& params, Body&& body) {
  const auto kind = static_cast<Activation::Kind>(params.kind);
  const float alpha = params.alpha, beta = params.beta;
  switch (kind) {
    case Activation::Kind::leaky_relu:
      return body([alpha](float v) { return v > 0.0f ? v : v * alpha; });
    case Activation::Kind::silu:
      return body([](float v) { return v / (1.0f + expf(-v)); });
    case Activation::Kind::sigmoid:
      return body([](float v) { return 1.0f / (1.0f + expf(-v)); });
    case Activation::Kind::tanh:
      return body([](float v) { return tanhf(v); });
    case Activation::Kind::hardswish:
      return body([](float v) {
        return v * (ptx::min_nan(ptx::max_nan(v + 3.0f, 0.0f), 6.0f) * (1.0f / 6.0f));
      });
    case Activation::Kind::gelu:
      return body([](float v) { return v * (0.5f * (1.0f + erff(v * 0.70710678118654752f))); });
    case Activation::Kind::hard_sigmoid:
      return body([alpha, beta](float v) {
        return ptx::min_nan(ptx::max_nan(fmaf(alpha, v, beta), 0.0f), 1.0f);
      });
    default:
      return body(Clamp(params));
  }
}

// As many values as a function takes and gives in registers.
struct ActivationBlock {
  static constexpr int kPairs = 2;
  float2 pairs[kPairs];
};

// Not inlined: unrolled over a tile, the functions would be most of the kernel's code.
static __device__ __noinline__ ActivationBlock activate_block(ActivationBlock block, int kind,
                                                              float alpha, float beta) {
  with_activation({kind, alpha, beta}, [&](auto activation) {
#pragma unroll
    for (float2& v : block.pairs) v = {activation(v.x), activation(v.y)};
  });
  return block;
}

}  // namespace foldconv
