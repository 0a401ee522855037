// SPDX-License-Identifier: MIT
// Storage types: conversion to and from the fp32 that all arithmetic uses.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstdint>

namespace foldconv {

// Names of catalog.inc's dtype column.
namespace element {
using f16 = __half;
using bf16 = __nv_bfloat16;
using f32 = float;
}  // namespace element

__device__ __forceinline__ float to_float(float value) {
  return value;
}
__device__ __forceinline__ float to_float(__half value) {
  return __half2float(value);
}
__device__ __forceinline__ float to_float(__nv_bfloat16 value) {
  return __bfloat162float(value);
}

// Rounds to nearest even.
template <class Element>
__device__ __forceinline__ Element from_float(float value);
template <>
__device__ __forceinline__ float from_float<float>(float value) {
  return value;
}
template <>
__device__ __forceinline__ __half from_float<__half>(float value) {
  return __float2half_rn(value);
}
template <>
__device__ __forceinline__ __nv_bfloat16 from_float<__nv_bfloat16>(float value) {
  return __float2bfloat16_rn(value);
}

// Two neighbours in one 32-bit word, the first in the lower half.
__device__ __forceinline__ float2 unpack(__half2 pair) {
  return __half22float2(pair);
}
__device__ __forceinline__ float2 unpack(__nv_bfloat162 pair) {
  return __bfloat1622float2(pair);
}
template <class Element>
struct Pair;
template <>
struct Pair<__half> {
  using type = __half2;
  static __device__ __forceinline__ type pack(float2 v) { return __floats2half2_rn(v.x, v.y); }
};
template <>
struct Pair<__nv_bfloat16> {
  using type = __nv_bfloat162;
  static __device__ __forceinline__ type pack(float2 v) { return __floats2bfloat162_rn(v.x, v.y); }
};

// The pair, but zero from channel `channels` on; `channel`: the pair's first. What a sum over zero
// weights makes of an infinite input is NaN, and must not reach the next sum.
template <class PairType>
__device__ __forceinline__ PairType keep_channels(PairType pair, int channel, int channels) {
  const unsigned int mask = channel + 1 < channels ? ~0u : channel < channels ? 0xffffu : 0u;
  const unsigned int kept = reinterpret_cast<const unsigned int&>(pair) & mask;
  return reinterpret_cast<const PairType&>(kept);
}

// 16 bytes of neighbouring elements, moved as one access.
template <class Element>
struct alignas(16) Chunk {
  static constexpr int kElements = 16 / sizeof(Element);
  Element values[kElements];
};

}  // namespace foldconv
