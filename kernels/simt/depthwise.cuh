// SPDX-License-Identifier: MIT
// Depthwise convolution: each channel by a filter of its own, 3x3 or 5x5, stride 1 or 2.
//
//   y[n, p, q, c] = act(scale[c] * sum over r, s of x[n, p * stride + r - pad_top, q * stride + s - pad_left, c] * w[c, r, s]
//                       + bias[c] + residual)
//   fp32 fused multiply-adds in the order r, s; one rounding at the store. Positions outside the image are skipped. These are
//   the bits of direct.cuh.
//
// Layouts: x NHWC, residual and y NPQK, each by its pitch; w packed [c][row], taps first (tile/weight_layout.hpp).
// Grid and tiles: DepthwiseCut. A CTA has tiles of 8 x 8 pixels of y side by side and below each other, and 16, 32 or 64
// channels; CTAs of the same pixels run together, then those to the right, then those below: halos meet in L2. A thread has 2
// channels of 8 rows x 4 columns ("quad"), which lie in one tile. Lanes of a warp are the channels of one quad, or of two or
// four quads of the same rows: a pixel's row of x is the same for all of them.
//
// Shared memory: the pixels of x that windows reach ("patch"), of which each comes once a CTA; weights; scales and biases.
//
//   cp.async: constants, patch      all under way at once; no second stage: other CTAs of the SM compute meanwhile
//   wait, barrier                   the only one but for sums
//   weights -> fp32 registers       9 or 25 pairs
//   for each row of the patch       a row of 6 to 11 pairs comes from shared memory once, and is added to all outputs of the
//                                   column that it belongs to: 3 or 5 rows of sums at stride 1, 2 or 3 at stride 2, whose
//                                   places go round. Then one row of y is finished, and stored
//
// Where squeeze and excite reads y's means, sums of the stored y over tiles of 8 x 8, in the order of tile/mean_order.hpp: a
// thread adds up its columns as it stores them; behind two more barriers a tile's left columns and then its right ones, one
// fp32 a tile and channel. No atomics; y is not read again.
//
// Columns outside the image are skipped by predicates, not by zeros: -0 sums and infinite weights keep direct's bits. They
// are not copied either, so DRAM sees what windows meet of x, and nothing else.
//
// THE FLOOR, for each output: 2 x 9 or 2 x 25 FLOP; an element of y, one of the residual, stride^2 of x. A channel's weights are
// one sector of 32 bytes (5x5: two). Shared-memory clocks, for 256 outputs of 16 bits (512 bytes of y; at 3 TB/s an H100
// has 76 clocks for them at stride 1, an A100 at 1.8 TB/s 87):
//               copies: 4 x stride^2 x halo   loads: rows x pixels of a quad / 8   multiply-adds, a warp
//   3x3 s1      4 x 1.27                      10 x 6 / 8 = 7.5                     72
//   3x3 s2      16 x 1.13                     17 x 9 / 8 = 19.1                    72
//   5x5 s1      4 x 1.56                      12 x 8 / 8 = 12                      200: 50 clocks (H100), 100 (A100: its limit)
//   5x5 s2      16 x 1.27                     19 x 11 / 8 = 26.1                   200
// (halo of 16 x 16 pixels of y: (15 stride + filter)^2 / (16 stride)^2; of 8 x 8, for maps of 7: what lies outside is not read).
// DRAM bounds all of them but 5x5 s1 on an A100.
//
// Compiled, registers sm_80 / sm_90: 3x3 f16 124 / 126, bf16 124 / 126, f32 124 / 128; 5x5 194 / 217, 194 / 197, 196 / 194; no
// spills. 16 warps an SM (3x3), 9 or 10 (5x5). Counted at n = 1, relu6:
//                         DRAM : x + y + w   L2 : the same   wavefronts, 256 outputs   FLOPs : needed
//   3x3 s1 112x112x32     1.000              1.19            16.2                      1.10
//   3x3 s1  56x56x144     1.001              1.17            17.1                      1.09
//   3x3 s2  56x56x144     1.002              1.10            45.0                      1.09
//   3x3 s1   7x7x960      1.063              1.06            26.5                      0.99
//   5x5 s1  14x14x672     1.017              1.24            25.0                      0.92
// Sectors and wavefronts are ideal. Channels that break 16-byte pieces, by their number or a pitch, go element by element
// through the same code: DRAM as above, sectors 1.7 times (loads) and 3 times (stores) the ideal.
//
// Not taken: multipliers, other filters, dilations, strides (1, 2), (3, 3): direct.cuh does.
#pragma once

#include <cstdint>

#include "params/conv_params.hpp"
#include "ptx/async_copy.cuh"
#include "ptx/shared_memory.cuh"
#include "stage/activation.cuh"
#include "stage/depthwise_copies.cuh"
#include "stage/element.cuh"
#include "tile/depthwise_tile.hpp"
#include "tile/mean_order.hpp"

namespace foldconv {

// Two neighbouring channels of a pixel.
template <class Element>
struct ChannelsOfPixel {
  using Stored = typename Pair<Element>::type;
  static __device__ __forceinline__ float2 values(Stored pair) { return unpack(pair); }
  static __device__ __forceinline__ Stored stored(float2 v) { return Pair<Element>::pack(v); }
};
template <>
struct ChannelsOfPixel<float> {
  using Stored = float2;
  static __device__ __forceinline__ float2 values(Stored pair) { return pair; }
  static __device__ __forceinline__ Stored stored(float2 v) { return v; }
};

// A thread's outputs: two channels of up to 8 rows of 4 columns.
template <DepthwiseTile T, int kStride, class Element>
class DepthwiseColumns {
 public:
  __device__ __forceinline__ DepthwiseColumns(const DepthwiseParams& p, const DepthwisePlace& place,
                                              const DepthwiseShared<T, kStride, Element>& shared)
      : p_(p),
        row_bytes_(shared.row_bytes),
        pixel_bytes_(shared.pixel_bytes),
        gap_bytes_(shared.gap_bytes) {
    const ConvGeometry& g = p.g;
    const auto thread = static_cast<int>(threadIdx.x);
    const int pair = thread & (p.cut.pairs() - 1), over = thread >> p.cut.log_pairs;
    const auto tile_row = static_cast<int>(p.quads.quotient(static_cast<std::uint32_t>(over)));
    const int quad = over - tile_row * p.cut.quads();
    const int first_row = place.row + tile_row * DepthwiseCut::kTile;
    const int first_column = place.column + quad * kColumns;
    const int channel = place.channel + pair * 2;
    channels_ = min(g.c - channel, 2);
    rows_ = channels_ > 0 ? min(DepthwiseTile::kRows, g.p - first_row) : 0;
    columns_ = min(kColumns, g.q - first_column);
    if (columns_ <= 0) rows_ = 0;
    const int top = first_row * kStride - g.pad_top;
    first_inside_ = max(-top, 0);
    rows_inside_ = max(min(T.reach(rows_, kStride), g.h - top) - first_inside_, 0);
    const int left = first_column * kStride - g.pad_left;
    inside_ = 0;
#pragma unroll
    for (int t = 0; t < kReach; ++t) {
      if (t < T.reach(columns_, kStride) && left + t >= 0 && left + t < g.w) inside_ |= 1u << t;
    }
    patch_ = shared.patch + tile_row * DepthwiseCut::kTile * kStride * row_bytes_ +
             shared.offset(quad * kColumns * kStride) + pair * 2 * sizeof(Element);
    const std::int64_t pixel =
        (static_cast<std::int64_t>(place.image) * g.p + first_row) * g.q + first_column;
    y_ = static_cast<Element*>(p.y) + pixel * g.y_pitch + channel;
    residual_ = static_cast<const Element*>(p.residual) + pixel * g.residual_pitch + channel;
    scale_ = *reinterpret_cast<const float2*>(shared.scale + pair * 2);
    bias_ = *reinterpret_cast<const float2*>(shared.bias + pair * 2);
    load_weights(shared, pair);
  }

  // Sums of the stored outputs over tiles of 8 x 8, in the order of tile/mean_order.hpp: a tile's left four columns, then the
  // right ones, which are the next quad's. By all threads, behind compute(); over the patch, which nothing reads any more.
  __device__ __forceinline__ void write_sums(const DepthwisePlace& place, unsigned char* scratch) {
    const auto thread = static_cast<int>(threadIdx.x);
    const int pair = thread & (p_.cut.pairs() - 1), over = thread >> p_.cut.log_pairs;
    const bool right = over % 2 != 0;
    auto* left_half = reinterpret_cast<float2*>(scratch) + (over / 2 << p_.cut.log_pairs) + pair;
    __syncthreads();
    float2 tile = {0.0f, 0.0f};
    if (!right) *left_half = plus_columns(tile);
    __syncthreads();
    if (!right) return;
    tile = plus_columns(*left_half);
    const auto tile_row = static_cast<int>(p_.quads.quotient(static_cast<std::uint32_t>(over)));
    const int row = place.row / kMeanTile + tile_row;
    const int column = place.column / kMeanTile + (over - tile_row * p_.cut.quads()) / 2;
    const int rows = mean_tiles(p_.g.p), columns = mean_tiles(p_.g.q);
    if (row >= rows || column >= columns) return;
    float* to =
        p_.sums +
        ((static_cast<std::int64_t>(place.image) * rows + row) * columns + column) * p_.g.k +
        place.channel + pair * 2;
    if (channels_ > 0) to[0] = tile.x;
    if (channels_ > 1) to[1] = tile.y;
  }

  __device__ __forceinline__ void compute() {
    const int steps = rows_ > 0 ? rows_ + kSlots - 1 : 0;
    for (int first = 0; first < steps; first += kSlots) {
#pragma unroll
      for (int phase = 0; phase < kSlots; ++phase) {
        const int step = first + phase;
        if (step < steps) {
#pragma unroll
          for (int j = 0; j < kColumns; ++j) sums_[phase][j] = {0.0f, 0.0f};
#pragma unroll
          for (int d = 0; d < kStride; ++d) add_row(step, phase, d);
          if (step >= kSlots - 1) store_row(sums_[(phase + 1) % kSlots]);
        }
      }
    }
  }

 private:
  static constexpr int kColumns = DepthwiseTile::kColumns;
  static constexpr int kReach = T.reach(kColumns, kStride);
  static constexpr int kSlots = (T.filter + kStride - 1) / kStride;
  using Channels = ChannelsOfPixel<Element>;
  using Stored = typename Channels::Stored;

  __device__ __forceinline__ void load_weights(const DepthwiseShared<T, kStride, Element>& shared,
                                               int pair) {
    constexpr int kElements = DepthwiseTile::kChunkBytes / sizeof(Element);
    constexpr int kTaps = T.filter * T.filter;
#pragma unroll
    for (int e = 0; e < 2; ++e) {
#pragma unroll
      for (int piece = 0; piece * kElements < kTaps; ++piece) {
        // Whole, or lanes 16 bytes apart would meet in a bank.
        std::uint32_t words[4];
        ptx::load_shared_16(ptx::shared_address(shared.weights) + piece * shared.piece_bytes +
                                ((e << p_.cut.log_pairs) + pair) * DepthwiseTile::kChunkBytes,
                            words);
        const auto& chunk = reinterpret_cast<const Chunk<Element>&>(words);
#pragma unroll
        for (int i = 0; i < kElements; ++i) {
          const int tap = piece * kElements + i;
          if (tap < kTaps) (e == 0 ? weights_[tap].x : weights_[tap].y) = to_float(chunk.values[i]);
        }
      }
    }
  }

  // What row step * kStride + d of the patch adds to the outputs whose windows it lies in.
  __device__ __forceinline__ void add_row(int step, int phase, int d) {
    const int row = step * kStride + d;
    if (static_cast<unsigned>(row - first_inside_) >= static_cast<unsigned>(rows_inside_)) return;
    float2 x[kReach];
#pragma unroll
    for (int t = 0; t < kReach; ++t) {
      if ((inside_ >> t & 1) != 0)
        x[t] = Channels::values(*reinterpret_cast<const Stored*>(
            patch_ + row * row_bytes_ + t * pixel_bytes_ + t / (kColumns * kStride) * gap_bytes_));
    }
#pragma unroll
    for (int r = d; r < T.filter; r += kStride) {
      const int back = (r - d) / kStride, slot = (phase - back + kSlots) % kSlots;
      if (static_cast<unsigned>(step - back) >= static_cast<unsigned>(rows_)) continue;
#pragma unroll
      for (int s = 0; s < T.filter; ++s) {
        const float2 w = weights_[r * T.filter + s];
#pragma unroll
        for (int j = 0; j < kColumns; ++j) {
          const int t = j * kStride + s;
          if ((inside_ >> t & 1) != 0) {
            sums_[slot][j].x = fmaf(x[t].x, w.x, sums_[slot][j].x);
            sums_[slot][j].y = fmaf(x[t].y, w.y, sums_[slot][j].y);
          }
        }
      }
    }
  }

  // The next row of y.
  __device__ __forceinline__ void store_row(const float2 (&sums)[kColumns]) {
    const ConvGeometry& g = p_.g;
    float2 v[kColumns];
#pragma unroll
    for (int j = 0; j < kColumns; ++j) {
      v[j] = {fmaf(sums[j].x, scale_.x, bias_.x), fmaf(sums[j].y, scale_.y, bias_.y)};
    }
    if (p_.residual != nullptr) {
      add_residual(v);
      residual_ += static_cast<std::int64_t>(g.q) * g.residual_pitch;
    }
    if (Clamp::takes(static_cast<Activation::Kind>(p_.activation.kind))) {
      const Clamp clamp(p_.activation);
#pragma unroll
      for (float2& one : v) one = {clamp(one.x), clamp(one.y)};
    } else {
#pragma unroll
      for (int j = 0; j < kColumns; j += ActivationBlock::kPairs) {
        const ActivationBlock block = activate_block({{v[j], v[j + 1]}}, p_.activation.kind,
                                                     p_.activation.alpha, p_.activation.beta);
        v[j] = block.pairs[0];
        v[j + 1] = block.pairs[1];
      }
    }
    if (p_.sums != nullptr) add_to_columns(v);
    if (p_.vector != 0) {
#pragma unroll
      for (int j = 0; j < kColumns; ++j) {
        if (j < columns_)
          *reinterpret_cast<Stored*>(y_ + static_cast<std::int64_t>(j) * g.y_pitch) =
              Channels::stored(v[j]);
      }
    } else {
#pragma unroll
      for (int j = 0; j < kColumns; ++j) {
        if (j >= columns_) continue;
        Element* to = y_ + static_cast<std::int64_t>(j) * g.y_pitch;
        to[0] = from_float<Element>(v[j].x);
        if (channels_ > 1) to[1] = from_float<Element>(v[j].y);
      }
    }
    y_ += static_cast<std::int64_t>(g.q) * g.y_pitch;
  }

  __device__ __forceinline__ void add_to_columns(const float2 (&v)[kColumns]) {
#pragma unroll
    for (int j = 0; j < kColumns; ++j) {
      if (j >= columns_) continue;
      column_sums_[j].x += to_float(from_float<Element>(v[j].x));
      column_sums_[j].y += to_float(from_float<Element>(v[j].y));
    }
  }
  __device__ __forceinline__ float2 plus_columns(float2 tile) const {
#pragma unroll
    for (int j = 0; j < kColumns; ++j) {
      tile.x += column_sums_[j].x;
      tile.y += column_sums_[j].y;
    }
    return tile;
  }

  __device__ __forceinline__ void add_residual(float2 (&v)[kColumns]) const {
#pragma unroll
    for (int j = 0; j < kColumns; ++j) {
      if (j >= columns_) continue;
      const Element* from = residual_ + static_cast<std::int64_t>(j) * p_.g.residual_pitch;
      float2 z;
      if (p_.vector != 0) {
        z = Channels::values(*reinterpret_cast<const Stored*>(from));
      } else {
        z = {to_float(from[0]), channels_ > 1 ? to_float(from[1]) : 0.0f};
      }
      v[j].x += z.x;
      v[j].y += z.y;
    }
  }

  const DepthwiseParams& p_;
  int row_bytes_, pixel_bytes_, gap_bytes_;
  int channels_;                    // 2 at most
  int rows_, columns_;              // of y
  int first_inside_, rows_inside_;  // of the patch
  std::uint32_t inside_;            // which columns of the patch outputs need and x has, a bit each
  const unsigned char* patch_;
  Element* y_;  // the next row to store
  const Element* residual_;
  float2 scale_, bias_;
  float2 weights_[T.filter * T.filter];
  float2 sums_[kSlots][kColumns];
  float2 column_sums_[kColumns] = {};  // of the stored outputs
};

template <DepthwiseTile T, int kStride, class Element>
__device__ __forceinline__ void depthwise_of_stride(const DepthwiseParams& p) {
  extern __shared__ __align__(16) unsigned char depthwise_shared[];
  const DepthwisePlace place = DepthwisePlace::of_cta(p);
  const DepthwiseShared<T, kStride, Element> shared(p.cut, depthwise_shared);
  copy_constants<T, kStride, Element>(p, place, shared);
  copy_patch<T, kStride, Element>(p, place, shared);
  ptx::commit_async_copies();
  ptx::wait_async_copies<0>();
  __syncthreads();
  DepthwiseColumns<T, kStride, Element> columns(p, place, shared);
  columns.compute();
  if (p.sums != nullptr) columns.write_sums(place, shared.patch);
}

template <class Tile, class Element>
__global__ void __launch_bounds__(DepthwiseTile::kMaxThreads)
    depthwise(const __grid_constant__ DepthwiseParams p) {
  static_assert(DepthwiseCut::kBankBytes / Tile::value.weight_pieces(sizeof(Element)) %
                        DepthwiseTile::kChunkBytes ==
                    0,
                "a depthwise tile's filter must have 32 taps or fewer in f32, 64 in 16 bits: a "
                "channel's weights are at most eight pieces, so that the room behind each is one");
  if (p.g.stride_h == 1) {
    depthwise_of_stride<Tile::value, 1, Element>(p);
  } else {
    depthwise_of_stride<Tile::value, 2, Element>(p);
  }
}

}  // namespace foldconv
