// SPDX-License-Identifier: MIT
// Accumulators -> outputs: scale, bias, residual and activation in fp32. One rounding follows, at the
// store.
#pragma once

#include "params/conv_params.hpp"
#include "stage/activation.cuh"
#include "stage/pair_place.cuh"

namespace foldconv {

// Scale and bias of two neighbouring channels.
struct ChannelPair {
  float2 scale, bias;
};

// v = activation(sum * scale + bias + residual). Where the residual lies is the kernel's affair: it
// is a function of the pair's place.
struct Epilogue {
  const float* scale;  // of each channel
  const float* bias;
  ActivationParams activation;

  // Of `channel`, even, and the next one; zero unless valid. Plain loads: __ldg's would be hoisted out
  // of the blocks' loops into registers that they do not have.
  __device__ __forceinline__ ChannelPair channels(int channel, bool valid) const {
    if (!valid) return {};
    return {*reinterpret_cast<const float2*>(scale + channel),
            *reinterpret_cast<const float2*>(bias + channel)};
  }
  // The same for an odd `channel`, or where the next one does not exist.
  __device__ __forceinline__ ChannelPair channels(int channel, bool valid, bool next_valid) const {
    return {{valid ? __ldg(scale + channel) : 0.0f, next_valid ? __ldg(scale + channel + 1) : 0.0f},
            {valid ? __ldg(bias + channel) : 0.0f, next_valid ? __ldg(bias + channel + 1) : 0.0f}};
  }

  // Calls store(place, float2) for each pair of the sums, one column after the other.
  // channels_of(place) gives the ChannelPair of the place's column; residual(place), a float2, is
  // called if there is one. The branch for the activation is taken once, around the loops, and what
  // is called is called for a block of pairs.
  template <class Sums, class ChannelsOf, class Residual, class Store>
  __device__ __forceinline__ void apply(const Sums& sums, ChannelsOf&& channels_of,
                                        bool has_residual, Residual&& residual,
                                        Store&& store) const {
    with_block_activation([&](auto activate) {
#pragma unroll
      for (int j = 0; j < Sums::kColumns; ++j) {
        const ChannelPair channel = channels_of(Sums::place(0, j));
#pragma unroll
        for (int i = 0; i < Sums::kRows; i += ActivationBlock::kPairs) {
          ActivationBlock block;
#pragma unroll
          for (int b = 0; b < ActivationBlock::kPairs; ++b) {
            block.pairs[b] = scaled(sums.pair(i + b, j), channel);
            if (has_residual) add(block.pairs[b], residual(Sums::place(i + b, j)));
          }
          activate(block);
#pragma unroll
          for (int b = 0; b < ActivationBlock::kPairs; ++b) {
            store(Sums::place(i + b, j), block.pairs[b]);
          }
        }
      }
    });
  }

  // The same, one row after the other: store(place of the first, pairs) for all pairs of a row.
  template <class Sums, class ChannelsOf, class Residual, class Store>
  __device__ __forceinline__ void apply_to_rows(const Sums& sums, ChannelsOf&& channels_of,
                                                bool has_residual, Residual&& residual,
                                                Store&& store) const {
    ChannelPair channels[Sums::kColumns];
#pragma unroll
    for (int j = 0; j < Sums::kColumns; ++j) channels[j] = channels_of(Sums::place(0, j));
    with_block_activation([&](auto activate) {
#pragma unroll
      for (int i = 0; i < Sums::kRows; ++i) {
        float2 row[Sums::kColumns];
#pragma unroll
        for (int j = 0; j < Sums::kColumns; j += ActivationBlock::kPairs) {
          ActivationBlock block;
#pragma unroll
          for (int b = 0; b < ActivationBlock::kPairs; ++b) {
            block.pairs[b] = scaled(sums.pair(i, j + b), channels[j + b]);
            if (has_residual) add(block.pairs[b], residual(Sums::place(i, j + b)));
          }
          activate(block);
#pragma unroll
          for (int b = 0; b < ActivationBlock::kPairs; ++b) row[j + b] = block.pairs[b];
        }
        store(Sums::place(i, 0), row);
      }
    });
  }

 private:
  static __device__ __forceinline__ float2 scaled(float2 sum, const ChannelPair& channel) {
    return {fmaf(sum.x, channel.scale.x, channel.bias.x),
            fmaf(sum.y, channel.scale.y, channel.bias.y)};
  }
  static __device__ __forceinline__ void add(float2& v, float2 z) {
    v.x += z.x;
    v.y += z.y;
  }
  // The clamp has code of its own, without calls.
  template <class Body>
  __device__ __forceinline__ void with_block_activation(Body&& body) const {
    const auto kind = static_cast<Activation::Kind>(activation.kind);
    if (Clamp::takes(kind)) {
      const Clamp clamp(activation);
      return body([clamp](ActivationBlock& block) {
#pragma unroll
        for (float2& v : block.pairs) v = {clamp(v.x), clamp(v.y)};
      });
    }
    body([this](ActivationBlock& block) {
      block = activate_block(block, activation.kind, activation.alpha, activation.beta);
    });
  }
};

// For where there is no residual.
struct NoResidual {
  __device__ __forceinline__ float2 operator()(const PairPlace&) const { return {}; }
};

}  // namespace foldconv
