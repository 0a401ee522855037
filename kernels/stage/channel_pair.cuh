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
// The same, but zero from channel `channels` on; `channel`: the pair's first. What a sum over zero
// weights makes of an infinite input is NaN, and must not reach the next sum.
template <class PairType>
__device__ __forceinline__ PairType keep_channels(PairType pair, int channel, int channels) {
  const unsigned int mask = channel + 1 < channels ? ~0u : channel < channels ? 0xffffu : 0u;
  const unsigned int kept = reinterpret_cast<const unsigned int&>(pair) & mask;
  return reinterpret_cast<const PairType&>(kept);
}
__device__ __forceinline__ float2 load_pair(const float* values, int first) {
  return *reinterpret_cast<const float2*>(values + first);
}

}  // namespace foldconv
