// SPDX-License-Identifier: MIT
// Fragments of x times the gates of their pixels' images, in registers.
#pragma once

#include <cstdint>

#include "params/conv_params.hpp"
#include "ptx/packed_product.cuh"
#include "ptx/shared_memory.cuh"
#include "stage/output_place.cuh"
#include "tile/conv_tile.hpp"
#include "tile/gate_rows.hpp"

namespace foldconv {

// A lane holds, of each eight rows of a fragment, two pairs of channels of one pixel (PTX ISA, "mma.m16n8k16", matrix A).
// Eight rows mostly are of the image of the eight before them: then their gates are in registers already.
template <ConvTile T, class Element>
class GatedFragments {
 public:
  static constexpr int kFragments = T.warp_m() / 16;
  static constexpr int kEights = kFragments * 2;

  // `gates`: as GatedCopies has it. `first_row`: of the warp, in the CTA's tile.
  __device__ __forceinline__ GatedFragments(const ConvParams& p, const OutputPlace& place,
                                            int first_row, std::uint32_t gates)
      : slot_bytes_(p.gate.images * kGateRowBytes),
        end_(gates + T.stages * slot_bytes_),
        slot_(end_) {
    const int lane = threadIdx.x % 32;
    const int first_image = static_cast<int>(p.per_image.quotient(place.m_begin));
#pragma unroll
    for (int i = 0; i < kEights; ++i) {
      const int m = min(place.m_begin + first_row + i * 8 + lane / 4, p.m - 1);
      const int row = static_cast<int>(p.per_image.quotient(m)) - first_image;
      offset_[i] = row * kGateRowBytes + lane % 4 * 4;
      if (i == 0 || __any_sync(~0u, offset_[i] != offset_[i - 1])) other_images_ |= 1u << i;
    }
  }

  // Of a k-step of the slice; called in the order of K.
  __device__ __forceinline__ void multiply(std::uint32_t (&x)[kFragments][4], int k_step) {
    if (k_step == 0) slot_ = slot_ == end_ ? end_ - T.stages * slot_bytes_ : slot_;
    const std::uint32_t step = slot_ + k_step * 32;
    std::uint32_t first = 0, second = 0;  // pairs of the step's two chunks
#pragma unroll
    for (int i = 0; i < kEights; ++i) {
      if ((other_images_ >> i & 1) != 0) {
        first = ptx::load_shared_4(step + offset_[i]);
        second = ptx::load_shared_4(step + offset_[i] + 16);
      }
      std::uint32_t(&fragment)[4] = x[i / 2];
      fragment[i % 2] = ptx::multiply_pair<Element>(fragment[i % 2], first);
      fragment[i % 2 + 2] = ptx::multiply_pair<Element>(fragment[i % 2 + 2], second);
    }
    if (k_step == kSliceWidth / 16 - 1) slot_ += slot_bytes_;
  }

 private:
  std::uint32_t slot_bytes_, end_, slot_;
  std::uint32_t offset_[kEights];   // of the lane's gates in a slot
  std::uint32_t other_images_ = 0;  // a bit for each eight rows: not those of the eight before
};

}  // namespace foldconv
