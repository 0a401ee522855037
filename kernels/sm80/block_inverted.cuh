// SPDX-License-Identifier: MIT
// A whole inverted residual block as one kernel, sm_80 instructions (runs on every later GPU too).
//
//   t1 = inner(scale1 * expand(x) + bias1)        1x1, c -> middle, rounded to the storage type
//   t2 = inner(scale2 * depthwise(t1) + bias2)    3x3 or 5x5, stride 1 or 2, any padding: the
//        positions outside the image count as zero, not as inner(bias1); fp32 fused multiply-adds
//        in the order of r, s; rounded likewise
//   y  = last(scale3 * project(t2) + bias3 [+ x]) 1x1, middle -> k, rounded at the store
//   Without expand t1 is x, and middle == c.
//   K of both 1x1s in the canonical order (tile/weight_layout.hpp): the bits of conv_sm80, depthwise
//   (or direct), conv_sm80 one after the other.
//
// x NHWC and y NPQK with pitches, 16-byte aligned; 1x1 weights packed [k][row], depthwise ones
// [middle][64], a channel's taps at the front of its row. c, middle and k are multiples of 8.
//
// A persistent CTA takes tiles of tile_h x tile_w pixels of y, at most 64, of a size that the launch
// chooses. t1 and t2 exist for 64 channels of the middle at a time ("slice"), in shared memory; the
// sums of project stay in registers from the first slice to the last:
//
//   copy      x w1(0)    | w3(0)    | w1(1)       |         | w3(1)    | w1(2) ...      [next x] w1(0)
//   compute              | expand 0 | depthwise 0 | project 0 | expand 1 | depthwise 1 ...   store y
//
// "|": a barrier; three a slice. A copy has the two phases around it to arrive in. What is copied once,
// x and its halo ("box"), is clipped to the image: pixels outside are neither stored nor expanded.
//
// Shared memory (InvertedTile::memory()): x [box][c], or [slices][box][64] without expand; t1 [box][64];
// t2 [64][64]; w1 [64][c]; w3 [k][64]; depthwise weights [taps][64]. Rows of x, t1 and w1 have an odd
// number of 16-byte chunks, those of t2 and w3 are swizzled: no phase has a bank conflict. 27 to 125
// KB for the blocks of MobileNetV2 and EfficientNet-Lite0, so 163 KB take all of them, most of them twice.
//
//   expand     warp: every fourth fragment of 16 box pixels x 32 channels, two fragments at a time
//   depthwise  warp: 2x4 pixels x 64 channels, two channels a lane: a pixel of t1 is one wavefront
//   project    warp: T.fragments() x 16 pixels, every T.warps_n()-th granule of 32 channels of y
//
// The floor, of n images, P = pixels of y, X = of x, in a tile B = pixels of its box, U = its units of 2x4:
//   DRAM          2 (X c + P k) bytes, and 2 middle (64 ceil(c / 64) + 16 or 32 + k) once. Each CTA's weights come
//                 again for each tile, from L2: middle (c + k + 16 or 32) elements for 64 pixels.
//   products      B c middle + 64 k middle a tile: an mma's 2048 in 2 clocks of an SM of 8.0, 1.6 of 9.0.
//                 Halo, of expand alone: at stride 1 B / 64 = 100/64 for 8x8 inside an image, 84/56 for
//                 4x14 of 14x14, 1 for a whole 7x7; at stride 2 289/256.
//   fp32          64 middle taps multiply-adds a tile, 128 a clock: 288 clocks a slice of 3x3, 800 of 5x5
//   wavefronts    a slice, with S = ceil(c / 16) steps: expand, of its two halves of 32 channels each, 4 S + 8 to
//                 store a fragment, 8 S for one fragment or two; depthwise 24 U (3x3; s2 45 U) or 98 U (5x5; s2 127 U),
//                 less at borders, 72 for weights of 3x3, 64 stores, 2 taps to turn the weights; project a step,
//                 4 for each fragment and column of warps, 8 for each granule and row of warps; copies
//                 16 S + k up to whole granules, and x once
//
// So DRAM is the least of it: 14x14x96 -> 576 -> 96 at n = 32 is 2.6 MB, 1 us, and a wave of 128 tiles of 14
// thousand wavefronts, 8 us on an H100; the chain's three launches move 33 MB, 11 us. What the fusion saves grows with
// the map: 112x112x16 -> 96 -> 24 s2 moves 0.57 MB of the chain's 6.6 an image.
//
// As compiled, no spills: 128 registers and two CTAs an SM for at most 128 channels of y; 204 and 211 (8.0, 9.0) and one for
// 384. Counted, n = 1, f16, everything ideal (no bank conflicts):
//   block, tile                               DRAM / compulsory   mma    fp32 clocks   wavefronts, a tile
//   112x112x32 -> 16, no expand, 8x8          1.001               32     240           581
//   112x112x16 -> 96 -> 24 s2, 8x8            1.005               317    781           2380
//   56x56x24 -> 144 -> 24 + x, 8x8            1.021               404    970           2477
//   28x28x32 -> 192 -> 32 + x, 4x14           1.020               466    1193          2542
//   28x28x40 -> 240 -> 40 5x5 + x, 4x14       1.047               1193   3462          6822
//   14x14x64 -> 384 -> 64 + x, 4x14           1.033               1728   2016          6942
//   14x14x96 -> 576 -> 96 + x, 4x14           1.025               3888   3168          13909
//   14x14x96 -> 576 -> 160 s2, 7x7            1.022               8496   4008          25834
//   14x14x112 -> 672 -> 192 5x5 s2, 7x7       1.042               11676  7848          37808
//   7x7x160 -> 960 -> 320, 7x7                1.013               14400  5472          40044
// DRAM's rest is the sectors of depthwise weights' rows that are not weights. fp32 has scale and bias of t1, t2 and y
// in it, and units that reach past a tile's edge.
//
// Not taken: dilation, other filters and strides, channels that are no multiples of 8, more than 384 channels of y: the
// planner has the chain for those.
#pragma once

#include <cstdint>

#include "params/block_params.hpp"
#include "ptx/async_copy.cuh"
#include "ptx/registers.cuh"
#include "ptx/shared_memory.cuh"
#include "stage/inverted_place.cuh"
#include "stage/sm80/inverted_convs.cuh"
#include "stage/sm80/inverted_copies.cuh"
#include "stage/sm80/inverted_depthwise.cuh"
#include "tile/inverted_tile.hpp"

namespace foldconv {

template <class Tile, class Element>
__global__ void __launch_bounds__(Tile::value.threads(), Tile::value.min_ctas_per_sm)
    block_inverted_sm80(const __grid_constant__ InvertedParams p) {
  constexpr InvertedTile T = Tile::value;
  extern __shared__ __align__(128) char shared[];
  int tile = static_cast<int>(blockIdx.x);
  if (tile >= p.tiles) return;
  const std::uint32_t begin = ptx::shared_address(shared);
  const InvertedMemory& at = p.memory;
  const auto copy_first = [&](int of_tile) {
    copy_inverted_x<Element>(p, InvertedPlace(p, ptx::recomputed(of_tile)), begin + at.x);
    if (p.expand.w != nullptr) copy_expand_weights<Element>(p, 0, begin + at.expand);
  };
  copy_first(tile);
  // Rows of t2 without a pixel are read, too.
  for (int byte = static_cast<int>(threadIdx.x) * 16; byte < T.kPixels * kSliceBytes;
       byte += T.threads() * 16) {
    ptx::store_shared_16(begin + at.t2 + byte, {0, 0, 0, 0});
  }
  ptx::commit_async_copies();
  for (; tile < p.tiles; tile += gridDim.x) {
    // The rest of a tile's place is computed again where it is needed:
    // registers are for the sums.
    const PackedBox box(InvertedPlace(p, ptx::recomputed(tile)));
    Project<T, Element> project(p);
    for (int slice = 0; slice * kSliceWidth < p.middle; ++slice) {
      const bool last = (slice + 1) * kSliceWidth >= p.middle;
      const int next_tile = tile + static_cast<int>(gridDim.x);
      ptx::wait_async_copies<0>();
      __syncthreads();  // x and the expand weights are here; nobody reads t1, t2
                        // or other weights
      copy_project_weights<Element>(p, slice, begin + at.project);
      ptx::commit_async_copies();
      DepthwiseWeights<Element> depthwise_weights;
      depthwise_weights.fetch(p, slice);
      if (p.expand.w != nullptr) {
        ExpandSlice<Element>(p, box.unpacked().box_pixels(), slice, begin + at.x, begin + at.expand,
                             shared + at.t1)
            .compute();
      }
      depthwise_weights.put(p, shared + at.depthwise);
      __syncthreads();  // t1 is whole
      if (p.expand.w != nullptr) {
        if (!last) {
          copy_expand_weights<Element>(p, slice + 1, begin + at.expand);
        } else if (next_tile < p.tiles) {
          copy_first(next_tile);
        }
      }
      ptx::commit_async_copies();
      with_window(p, [&](auto kernel, auto stride) {
        const std::uint32_t t1 =
            begin + (p.expand.w != nullptr ? at.t1 : at.x + slice * at.x_plane);
        depthwise_slice<kernel, stride, Element>(p, box.unpacked(), slice, t1, begin + at.depthwise,
                                                 shared + at.t2);
      });
      ptx::wait_async_copies<1>();
      __syncthreads();  // t2 is whole, and the project weights are here
      if (p.expand.w == nullptr) {
        if (last && next_tile < p.tiles) copy_first(next_tile);
        ptx::commit_async_copies();
      }
      project.add(slice, begin + at.t2, begin + at.project);
    }
    project.store(InvertedPlace(p, ptx::recomputed(tile)));
  }
  ptx::wait_async_copies<0>();
}

}  // namespace foldconv
