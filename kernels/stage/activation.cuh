// Activations, in fp32. NaN stays NaN in all of them.
#pragma once

#include "foldconv/activation.hpp"
#include "params/conv_params.hpp"
#include "ptx/min_max.cuh"

namespace foldconv {

// none, relu and relu6 are one clamp: two instructions and no branch.
struct Clamp {
  float low, high;
  __device__ __forceinline__ float operator()(float v) const {
    return ptx::min_nan(ptx::max_nan(v, low), high);
  }
};

// The others. Not inlined: unrolled over a tile they would be most of the kernel's code, for the
// sake of few users.
static __device__ __noinline__ float evaluate_activation(float v, int kind, float alpha) {
  switch (static_cast<Activation>(kind)) {
    case Activation::relu:
      return ptx::max_nan(v, 0.0f);
    case Activation::relu6:
      return ptx::min_nan(ptx::max_nan(v, 0.0f), 6.0f);
    case Activation::leaky_relu:
      return v > 0.0f ? v : v * alpha;
    case Activation::silu:
      return v / (1.0f + expf(-v));
    case Activation::sigmoid:
      return 1.0f / (1.0f + expf(-v));
    case Activation::tanh:
      return tanhf(v);
    case Activation::hardswish:
      return v * (ptx::min_nan(ptx::max_nan(v + 3.0f, 0.0f), 6.0f) * (1.0f / 6.0f));
    case Activation::gelu:
      return v * (0.5f * (1.0f + erff(v * 0.70710678118654752f)));
    default:
      return v;
  }
}

struct GeneralActivation {
  ActivationParams params;
  __device__ __forceinline__ float operator()(float v) const {
    return evaluate_activation(v, params.kind, params.alpha);
  }
};

// Calls body(activation) with the functor for `params`: one branch for a whole tile instead of one
// per value.
template <class Body>
__device__ __forceinline__ void with_activation(const ActivationParams& params, Body&& body) {
  const auto kind = static_cast<Activation>(params.kind);
  if (kind == Activation::none || kind == Activation::relu || kind == Activation::relu6) {
    const float infinity = __int_as_float(0x7f800000);
    body(Clamp{kind == Activation::none ? -infinity : 0.0f,
               kind == Activation::relu6 ? 6.0f : infinity});
  } else {
    body(GeneralActivation{params});
  }
}

}  // namespace foldconv
