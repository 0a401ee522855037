// SPDX-License-Identifier: MIT
// Squeeze and excite: the gates of images from the means of their channels, as one launch.
//
//   mean[n, c] = round((sum over tiles of x[n, tile, c]) / pixels), the tiles in order (tile/mean_order.hpp); or x itself
//   hidden[n, j] = round(act(scale[j] * sum_c mean[n, c] * w[j, c] + bias[j]))
//   y[n, k] = round(act(scale[k] * sum_j hidden[n, j] * w[k, j] + bias[k]))
//   sums in fp32 in the canonical order of K (tile/weight_layout.hpp)
//
// So the bits are those of global_average_pool and of two 1x1 convolutions by this library's kernels: 16-bit types by the
// same tensor-core products in the same order, f32 by the fused multiply-adds of direct.
//
// A CTA takes up to 8 images, one where there are SMs enough: its weights are read from L2 for each CTA, and that is what it
// waits for. 16-bit: a warp makes 8 outputs of all images of the CTA, images as rows of m16n8k16, of which the lower half is
// zero. Weights come in the order of B's fragments, 16 bytes a lane for two k-steps, 512 contiguous bytes a warp, eight of
// these on their way. f32: a thread an output, weights [inputs][outputs].
// Shared memory: means, then hidden: [images][gate_row()], zeros behind the last channel; at most 40 KiB.
//
// Floor: DRAM the sums, 2 n outputs bytes of gates and the weights; time the weights, 4 c hidden bytes for each CTA at the 64
// bytes a clock of an SM: 3.5 us at c = 672, hidden = 168. Wavefronts: 4 a k-step and warp.
// Counted: these bytes; no bank conflict (gate_test.cpp). Registers: 96, f32 54 (sm_80) and 59; nothing spilled.
//
// Not taken: layers of which an image's means and hidden values pass these 40 KiB (gate_rule(), host/layer/gate.hpp).
#pragma once

#include <cstdint>
#include <type_traits>

#include "params/layer_params.hpp"
#include "ptx/mma.cuh"
#include "stage/activation.cuh"
#include "stage/element.cuh"
#include "tile/weight_layout.hpp"

namespace foldconv {

// Of `images` rows of a CTA's inputs, gate_row() apart, by 16-bit tensor-core products. store(image, output, value).
template <class Element, class Store>
__device__ __forceinline__ void gate_linear(const GateLinear& linear, const Element* rows,
                                            int images, Store&& store) {
  const int lane = threadIdx.x % 32, image = lane / 4;
  const int row = gate_row<sizeof(Element)>(linear.inputs);
  const int step_pairs = WeightLayout{linear.inputs, 1}.row() / 32;
  const auto* x = reinterpret_cast<const std::uint32_t*>(rows + image * row) + lane % 4;
  constexpr int kAhead = 8;
  for (int group = threadIdx.x / 32; group * 8 < linear.outputs; group += kLayerThreads / 32) {
    const auto* weights = static_cast<const uint4*>(linear.weights) +
                          static_cast<std::int64_t>(group) * step_pairs * 32 + lane;
    float2 sums = {}, none = {};
    for (int first = 0; first < step_pairs; first += kAhead) {
      uint4 w[kAhead];
#pragma unroll
      for (int i = 0; i < kAhead; ++i) {
        if (first + i < step_pairs) w[i] = __ldg(weights + (first + i) * 32);
      }
#pragma unroll
      for (int i = 0; i < kAhead; ++i) {
        if (first + i >= step_pairs) break;
        const std::uint32_t* at = x + (first + i) * 16;
        std::uint32_t step[2][4] = {};
        if (image < images) {
          step[0][0] = at[0], step[0][2] = at[4];
          step[1][0] = at[8], step[1][2] = at[12];
        }
        ptx::mma_m16n8k16<Element>(sums, none, step[0], w[i].x, w[i].y);
        ptx::mma_m16n8k16<Element>(sums, none, step[1], w[i].z, w[i].w);
      }
    }
    if (image >= images) continue;
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      const int output = group * 8 + lane % 4 * 2 + i;
      if (output >= linear.outputs) continue;
      const float v = fmaf(i == 0 ? sums.x : sums.y, linear.scale[output], linear.bias[output]);
      with_activation(linear.activation, [&](auto activation) {
        store(image, output, from_float<Element>(activation(v)));
      });
    }
  }
}

template <class Store>
__device__ __forceinline__ void gate_linear(const GateLinear& linear, const float* rows, int images,
                                            Store&& store) {
  const auto* weights = static_cast<const float*>(linear.weights);
  for (int image = 0; image < images; ++image) {
    const float* x = rows + image * gate_row<sizeof(float)>(linear.inputs);
    for (int output = threadIdx.x; output < linear.outputs; output += kLayerThreads) {
      float sum = 0.0f;
#pragma unroll 8
      for (int c = 0; c < linear.inputs; ++c)
        sum = fmaf(x[c], __ldg(weights + static_cast<std::int64_t>(c) * linear.outputs + output),
                   sum);
      const float v = fmaf(sum, linear.scale[output], linear.bias[output]);
      with_activation(linear.activation,
                      [&](auto activation) { store(image, output, activation(v)); });
    }
  }
}

// The mean of a channel of an image.
template <class Element>
__device__ __forceinline__ Element gate_mean(const GateParams& p, std::int64_t image, int channel) {
  const int c = p.squeeze.inputs;
  if (p.tiles == 0) return static_cast<const Element*>(p.x)[image * c + channel];
  const float* sums = static_cast<const float*>(p.x) + image * p.tiles * c + channel;
  constexpr int kAhead = 16;
  float sum = 0.0f;
  for (int first = 0; first < p.tiles; first += kAhead) {
    float tiles[kAhead];
#pragma unroll
    for (int i = 0; i < kAhead; ++i)
      tiles[i] =
          first + i < p.tiles ? __ldg(sums + static_cast<std::int64_t>(first + i) * c) : 0.0f;
#pragma unroll
    for (int i = 0; i < kAhead; ++i) sum += tiles[i];
  }
  return from_float<Element>(sum / static_cast<float>(p.pixels));
}

template <class Element>
__global__ void __launch_bounds__(kLayerThreads, 2) gate(const __grid_constant__ GateParams p) {
  __shared__ __align__(16) unsigned char shared[kGateSharedBytes];
  const int thread = static_cast<int>(threadIdx.x);
  const int row = gate_row<sizeof(Element)>(p.squeeze.inputs);
  const int hidden_row = gate_row<sizeof(Element)>(p.excite.inputs);
  auto* means = reinterpret_cast<Element*>(shared);
  Element* hidden = means + p.images * row;
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * p.images;
  for (std::int64_t first = static_cast<std::int64_t>(blockIdx.x) * p.images; first < p.units;
       first += step) {
    const int images = static_cast<int>(p.units - first < p.images ? p.units - first : p.images);
    for (int image = 0; image < images; ++image) {
      for (int c = thread; c < row; c += kLayerThreads) {
        means[image * row + c] = c < p.squeeze.inputs ? gate_mean<Element>(p, first + image, c)
                                                      : from_float<Element>(0.0f);
      }
      for (int c = p.excite.inputs + thread; c < hidden_row; c += kLayerThreads)
        hidden[image * hidden_row + c] = from_float<Element>(0.0f);
    }
    __syncthreads();
    gate_linear(p.squeeze, static_cast<const Element*>(means), images,
                [&](int image, int j, Element value) { hidden[image * hidden_row + j] = value; });
    __syncthreads();
    gate_linear(p.excite, static_cast<const Element*>(hidden), images,
                [&](int image, int k, Element value) {
                  static_cast<Element*>(p.y)[(first + image) * p.excite.outputs + k] = value;
                });
    __syncthreads();  // the next images' means
  }
}

}  // namespace foldconv
