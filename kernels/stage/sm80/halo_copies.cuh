// SPDX-License-Identifier: MIT
// The copying end of conv_halo_sm80's pipeline: a tap's weights a stage, and a slice's pixels with their halo.
//
//   stage      w00 w01 w02 | w03    w04   ...  w08  w10    w11    w12 | w13   ...     (w<slice><tap>, 4 stages)
//   pixels     x0          | x1 1/7 x1 2/7 ... 6/7  x1 7/7  .      .  | x2 1/7 ...
//   multiply               | w00    w01   ...  w05  w06    w07    w08 | w10   ...
//
// The next slice's pixels are spread over this one's taps, into the buffer that the slice before read. The last part
// of them belongs to the group of copies that its first stage of weights belongs to, so the ring's wait for that stage
// covers them.
#pragma once

#include <cstdint>

#include "params/conv_params.hpp"
#include "ptx/async_copy.cuh"
#include "ptx/registers.cuh"
#include "stage/output_place.cuh"
#include "stage/sm80/mainloop.cuh"
#include "stage/sm80/weight_loader.cuh"
#include "stage/swizzle.cuh"
#include "tile/halo_tile.hpp"

namespace foldconv {

// The pixels of x that a CTA's windows reach, a slice of channels at a time: rows of kSliceBytes, swizzled by row.
// Zeros outside the tensor. A thread serves the same chunk of every kRowStep-th row.
template <HaloTile T, class Element>
class HaloLoader {
 public:
  static constexpr int kRowStep = T.conv.threads() / ConvTile::kChunksPerRow;
  static_assert(kRowStep % 8 == 0, "every thread serves rows of the same swizzle");

  __device__ __forceinline__ HaloLoader(const ConvParams& p, int reach, const OutputPlace& place)
      : rows_(T.conv.block_m + reach),
        row_(static_cast<int>(threadIdx.x) / ConvTile::kChunksPerRow),
        chunk_(static_cast<int>(threadIdx.x) % ConvTile::kChunksPerRow),
        channels_(p.g.c_per_group),
        pixel_chunks_(p.g.x_pitch / 8),
        pixels_(static_cast<unsigned int>(p.m)),
        first_pixel_(place.m_begin - p.g.pad_top * p.g.w - p.g.pad_left + row_),
        x_(static_cast<const uint4*>(p.x) + place.group * p.g.c_per_group / 8 + chunk_),
        destination_(row_ * kSliceBytes + swizzled_chunk(row_, chunk_) * 16) {}

  // Steps in which all threads together bring a slice.
  __device__ __forceinline__ int steps() const { return (rows_ + kRowStep - 1) / kRowStep; }

  // Where a slice lies in x.
  struct Slice {
    const uint4* x;  // this thread's chunk of pixel 0
    bool exists;     // of the last slice not every chunk
  };
  __device__ __forceinline__ Slice slice(int number) const {
    return {x_ + number * ConvTile::kChunksPerRow, number * kSliceWidth + chunk_ * 8 < channels_};
  }

  // Starts the copies of a step, if it is `wanted`. `pixels`: shared address of row 0.
  __device__ __forceinline__ void load(std::uint32_t pixels, const Slice& slice, int step,
                                       bool wanted = true) const {
    const int row = step * kRowStep;
    // Before the tensor or behind it any address will do: nothing is read.
    const auto pixel = static_cast<unsigned int>(first_pixel_ + row);
    ptx::copy_async_16_if(wanted && row_ + row < rows_, pixels + destination_ + row * kSliceBytes,
                          ptx::element_at(slice.x, static_cast<int>(pixel * pixel_chunks_)),
                          slice.exists && pixel < pixels_);
  }

 private:
  int rows_;
  int row_, chunk_;
  int channels_;
  unsigned int pixel_chunks_, pixels_;
  int first_pixel_;  // of this thread; before the tensor in the first rows of the first CTA
  const uint4* x_;   // this thread's chunk of pixel 0
  std::uint32_t destination_;
};

template <HaloTile T, class Element>
class HaloCopies : public CopiesInParts<HaloCopies<T, Element>> {
 public:
  // `pixels`: shared address of the first buffer for pixels. `weights`: where they begin in a stage. Starts the copies
  // of the first slice's pixels, which belong to the first stage.
  __device__ __forceinline__ HaloCopies(const ConvParams& p, int reach, std::uint32_t pixels,
                                        std::uint32_t weights, const OutputPlace& place)
      : p_(p),
        weights_begin_(weights),
        weights_(conv_weights<T.conv, Element>(p, place)),
        pixels_(p, reach, place),
        next_(pixels),
        other_(pixels + static_cast<int>(T.pixels_bytes(reach))),
        taps_(p.g.r * p.g.s),
        slices_(WeightLayout{p.g.c_per_group, 1}.slices()) {
    for (int step = 0; step < pixels_.steps(); ++step) pixels_.load(next_, pixels_.slice(0), step);
    const int taps_to_copy_in = taps_ - T.fewest_taps() + 1;
    while (steps_a_tap_ * taps_to_copy_in < pixels_.steps()) ++steps_a_tap_;
  }

  __device__ __forceinline__ void begin(std::uint32_t stage) {
    stage_ = stage + weights_begin_;
#pragma unroll 1
    for (int step = step_ + kCopyParts; step < end_step_; ++step) {  // rare: the halo of long rows
      pixels_.load(next_, slice_, step);
    }
  }
  template <int kPart>
  __device__ __forceinline__ void part() {
    if (!done()) {
      weights_.template load_part<kPart, kCopyParts>(stage_, weights_.slice(k_block_));
    }
    pixels_.load(next_, slice_, step_ + kPart, step_ + kPart < end_step_);
    if constexpr (kPart == kCopyParts - 1) advance();
  }
  // Whether the stage begun has no weights: all are on their way.
  __device__ __forceinline__ bool done() const {
    return k_block_ >= p_.k_blocks;
  }

 private:
  // On to the next stage, while the products of this one leave time for it.
  __device__ __forceinline__ void advance() {
    ++k_block_;
    if (++tap_ == taps_) tap_ = 0;
    const bool first_tap = tap_ == 0;
    slice_number_ += first_tap ? 1 : 0;
    const std::uint32_t other = next_;
    next_ = first_tap ? other_ : next_;
    other_ = first_tap ? other : other_;
    step_ = tap_ * steps_a_tap_;
    end_step_ = tap_ >= 0 && slice_number_ < slices_ ? step_ + steps_a_tap_ : step_;
    slice_ = pixels_.slice(slice_number_);
  }

  const ConvParams& p_;
  std::uint32_t weights_begin_;
  ConvWeights<T.conv, Element> weights_;
  HaloLoader<T, Element> pixels_;
  std::uint32_t next_,
      other_;  // buffers of the slice whose pixels are copied, and of the one before it
  int taps_, slices_;
  int steps_a_tap_ = 1;
  int k_block_ = 0;             // whose weights are copied
  int tap_ = -T.fewest_taps();  // that is multiplied meanwhile; none while the ring is filled
  int slice_number_ = 0;        // whose pixels are copied
  typename HaloLoader<T, Element>::Slice slice_ = {};
  int step_ = 0, end_step_ = 0;  // of its pixels, beside the tap
  std::uint32_t stage_ = 0;
};

}  // namespace foldconv
