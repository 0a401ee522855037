// SPDX-License-Identifier: MIT
// What block_whole_sm80 brings into shared memory while it computes: x, warp by warp, and the weights
// that are not resident.
//
// Both run ahead by a fixed number of stages in the order in which they are multiplied, and do not
// know where a tile ends: what the next tile needs first arrives while this one computes. Their
// groups of copies are counted together: who waits says how many of the other's were closed since.
#pragma once

#include <cstdint>

#include "params/block_params.hpp"
#include "ptx/async_copy.cuh"
#include "ptx/registers.cuh"
#include "stage/sm80/neighbouring_channels.cuh"
#include "stage/sm80/weight_loader.cuh"
#include "stage/swizzle.cuh"
#include "stage/tile_place.cuh"
#include "tile/whole_tile.hpp"

namespace foldconv {

// Which fragments of halo rows are this warp's.
template <WholeTile T>
struct FirstFragments {
  static __device__ __forceinline__ int row(int i) {
    return (static_cast<int>(threadIdx.x) / 32 + i * T.kWarps) * T.kFragmentRows;
  }
  static __device__ __forceinline__ bool has(int i) {
    return T.first_fragments() % T.kWarps == 0 || i < T.least_first_fragments() ||
           static_cast<int>(threadIdx.x) / 32 < T.first_fragments() % T.kWarps;
  }
};

// x at this warp's halo rows, a fragment by a slice a stage: for each tile, for each slice, its
// fragments. No other warp reads them, so none waits for another.
template <WholeTile T, class Element>
class WarpRows {
 public:
  static constexpr int kAhead = T.stages;

  // `begin`: of all warps' stages; `table`: of T.table_bytes(), of all warps.
  __device__ __forceinline__ WarpRows(const WholeParams& p, std::uint32_t begin, char* table)
      : p_(p),
        table_(reinterpret_cast<int*>(table) + FirstFragments<T>::row(0)),
        stage_(begin + threadIdx.x / 32 * T.stages * T.fragment_bytes()),
        end_(stage_ + T.stages * T.fragment_bytes()),
        tile_(static_cast<int>(blockIdx.x)) {
    locate_rows();
#pragma unroll 1
    for (int i = 0; i < kAhead; ++i) refill();
  }

  // The next stage, which has arrived. kOthers: groups of copies closed since its own, besides those
  // of this class.
  template <int kOthers>
  __device__ __forceinline__ std::uint32_t wait() const {
    ptx::wait_async_copies<kAhead - 1 + kOthers>();
    __syncwarp();
    return stage_;
  }

  // The stage of the last wait() has been read: what comes kAhead stages later takes its place.
  __device__ __forceinline__ void refill() {
    __syncwarp();
    if (tile_ < p_.tiles) {
      copy();
      advance();
    }
    ptx::commit_async_copies();
    stage_ += T.fragment_bytes();
    if (stage_ == end_) stage_ -= T.stages * T.fragment_bytes();
  }

 private:
  // Eight neighbouring lanes bring a row. A copy's address must be aligned even where it copies
  // nothing: rows outside the image stay at x.
  __device__ __forceinline__ void copy() const {
    const int row = threadIdx.x / 8 % 4, chunk = threadIdx.x % 8;
    const int4 four = *reinterpret_cast<const int4*>(table_ + fragment_ * kFragmentStep + row * 4);
    const int entries[] = {four.x, four.y, four.z, four.w};
    const int channel = slice_ * kSliceWidth + chunk * 8;
    const std::uint32_t to = stage_ + row * kSliceBytes + swizzled_chunk(row, chunk) * 16;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const int element = (entries[i] & ~kInside) + channel;
      // Four rows on, the swizzle's key has its highest bit flipped.
      ptx::copy_async_16((to ^ (i % 2 * 64)) + i * 4 * kSliceBytes,
                         static_cast<const Element*>(p_.x) + element, (entries[i] & kInside) != 0);
    }
  }

  __device__ __forceinline__ void advance() {
    ++fragment_;
    if (fragment_ < T.most_first_fragments() && FirstFragments<T>::has(fragment_)) return;
    fragment_ = 0;
    if (++slice_ < p_.c / kSliceWidth) return;
    slice_ = 0;
    tile_ += static_cast<int>(gridDim.x);
    __syncwarp();
    locate_rows();
  }

  // Writes where the warp's rows lie in x into the table: the element, a multiple of 2 * kInside, plus
  // kInside; 0 outside the image. The four rows of a fragment that a lane copies stand together.
  __device__ __forceinline__ void locate_rows() {
    const TilePlace place(tile_, T.tile_h, T.kTileW, p_.tiles_per_image, p_.tile_columns);
    const int lane = ptx::recomputed(threadIdx.x % 32), in_fragment = lane % 16;
#pragma unroll
    for (int first = 0; first < T.most_first_fragments(); first += 2) {
      const int i = first + lane / 16, row = FirstFragments<T>::row(i) + in_fragment;
      const int h = place.h - 1 + row / T.kHaloW, w = place.w - 1 + row % T.kHaloW;
      const int element = ((place.image * p_.h + h) * p_.w + w) * p_.x_pitch;
      const bool inside = row < T.halo_rows() && inside_image(h, w, p_.h, p_.w);
      if (row < T.first_rows()) {
        table_[i * kFragmentStep + in_fragment % 4 * 4 + in_fragment / 4] =
            inside ? element + kInside : 0;
      }
    }
    __syncwarp();
  }

  static constexpr int kInside = 16;  // the bytes of a copy: no instruction between
  static constexpr int kFragmentStep = T.kWarps * T.kFragmentRows;  // in the table

  const WholeParams& p_;
  int* table_;  // this warp's first fragment
  std::uint32_t stage_, end_;
  int tile_, slice_ = 0, fragment_ = 0;
};

// Weights of the last 1x1 for the channels of y that start at `first`.
template <WholeTile T, class Element>
__device__ __forceinline__ auto last_weights(const WholeParams& p, int first) {
  const int row_elements = T.projection ? kSliceWidth + p.c : kSliceWidth;
  return WeightLoader<T.threads(), T.round_channels(), Element>(
      p.conv3.w, row_elements,
      [&](int row) { return min(first + neighbouring_channel(row), p.k - 1); });
}

// The weights of both 1x1s, resident from the first tile on.
template <WholeTile T, class Element>
class ResidentWeights {
 public:
  // Closes the group of all weights' copies.
  __device__ __forceinline__ ResidentWeights(const WholeParams& p, std::uint32_t begin)
      : begin_(begin), last_(begin + p.c * kSliceBytes) {
    const WeightLoader<T.threads(), kSliceWidth, Element> first_weights(
        p.conv1.w, p.c, [](int row) { return row; });
    for (int slice = 0; slice < p.c / kSliceWidth; ++slice)
      first_weights.load(begin_ + slice * kSliceWidth * kSliceBytes, slice);
    for (int first = 0; first < p.k; first += T.round_channels())
      last_weights<T, Element>(p, first).load(last_ + first * kSliceBytes, 0);
    ptx::commit_async_copies();
  }

  // For their arrival, after the first stages of x.
  __device__ __forceinline__ void wait() const {
    ptx::wait_async_copies<T.stages>();
    __syncthreads();
  }

  // Shared addresses: a slice of the first 1x1's, and the last 1x1's for the channels from `first` on.
  __device__ __forceinline__ std::uint32_t first(int slice) const {
    return begin_ + slice * kSliceWidth * kSliceBytes;
  }
  __device__ __forceinline__ std::uint32_t last(int first) const {
    return last_ + first * kSliceBytes;
  }

  // See WarpRows::wait().
  static constexpr int groups_before(int) { return 0; }

 private:
  std::uint32_t begin_, last_;
};

// The same, where they are not resident, brought for each tile: the slices of the first 1x1's, then for
// each round the slices of the last 1x1's. One stage ahead, also behind the last tile. A stage's
// copies are a group, closed when the stage before it begins.
template <WholeTile T, class Element>
class WeightStages {
 public:
  __device__ __forceinline__ WeightStages(const WholeParams& p, std::uint32_t begin)
      : p_(p), fill_(begin), read_(begin + T.weight_stage_bytes()) {
    produce();
  }

  // The next stage, which must be that of the first 1x1's `slice`. Since its copies began, this warp has
  // closed a group of x for each fragment of the slice before; in the first slice, none.
  __device__ __forceinline__ std::uint32_t first(int slice) {
    if (slice == 0) {
      ptx::wait_async_copies<0>();
    } else {
      ptx::wait_async_copies<T.least_first_fragments()>();
    }
    return next();
  }
  // The next stage, which must be one of the last 1x1's.
  __device__ __forceinline__ std::uint32_t last(int) {
    ptx::wait_async_copies<0>();
    return next();
  }

  // Groups of weights that are closed in a slice's beginning between the copies and the wait() of its
  // i-th fragment of x: WarpRows::kAhead fragments lie between them. (Where a warp has fewer fragments
  // in a slice there may be more.)
  static constexpr int groups_before(int i) {
    int groups = 0;
    for (int later = i; later > i - T.stages; --later)
      groups += later % T.most_first_fragments() == 0;
    return groups;
  }

 private:
  // For all threads the stage of the last call is read, and the next one has arrived.
  __device__ __forceinline__ std::uint32_t next() {
    __syncthreads();
    const std::uint32_t stage = read_;
    produce();
    return stage;
  }

  // Starts the copies of a stage, and turns to the other one.
  __device__ __forceinline__ void produce() {
    const int first_slices = p_.c / kSliceWidth, last_slices = T.projection ? 1 + first_slices : 1;
    if (round_ < 0) {
      WeightLoader<T.threads(), kSliceWidth, Element>(p_.conv1.w, p_.c, [](int row) {
        return row;
      }).load(fill_, slice_);
    } else {
      last_weights<T, Element>(p_, round_ * T.round_channels()).load(fill_, slice_);
    }
    ptx::commit_async_copies();
    if (++slice_ == (round_ < 0 ? first_slices : last_slices)) {
      slice_ = 0;
      if (++round_ == T.rounds(p_.k)) round_ = -1;
    }
    const std::uint32_t filled = fill_;
    fill_ = read_;
    read_ = filled;
  }

  const WholeParams& p_;
  std::uint32_t fill_, read_;
  int round_ = -1, slice_ = 0;  // round -1: the first 1x1
};

}  // namespace foldconv
