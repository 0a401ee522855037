// Accumulators -> a middle tensor of a block, which stays in shared memory: two neighbouring channels
// at a time, as an mma's accumulators hold them.
#pragma once

#include "stage/element.cuh"

namespace foldconv {

// A pair of neighbouring channels of the middle tensor: activation(sum * scale + bias), rounded.
template <class Element, class Function>
__device__ __forceinline__ typename Pair<Element>::type middle_pair(float sum0, float sum1,
                                                                    float2 scale, float2 bias,
                                                                    Function activation) {
  return Pair<Element>::pack(
      {activation(fmaf(sum0, scale.x, bias.x)), activation(fmaf(sum1, scale.y, bias.y))});
}
__device__ __forceinline__ float2 load_pair(const float* values, int first) {
  return *reinterpret_cast<const float2*>(values + first);
}

}  // namespace foldconv
