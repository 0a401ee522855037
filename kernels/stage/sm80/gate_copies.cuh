// SPDX-License-Identifier: MIT
// Global -> shared memory: the gates of a slice of channels, of the images that the CTA's pixels are of; beside the copies of
// pixels and weights.
#pragma once

#include <cstdint>

#include "params/conv_params.hpp"
#include "ptx/async_copy.cuh"
#include "stage/output_place.cuh"
#include "stage/sm80/conv_copies.cuh"
#include "tile/conv_tile.hpp"
#include "tile/gate_rows.hpp"

namespace foldconv {

template <ConvTile T, class Element>
class GatedCopies : public CopiesInParts<GatedCopies<T, Element>> {
 public:
  // `gates`: shared address of as many slots as the ring has stages, used in turn as those are.
  __device__ __forceinline__ GatedCopies(const ConvParams& p, const OutputTile<T, Element>& output,
                                         const OutputPlace& place, std::uint32_t gates)
      : p_(p),
        conv_(p, nullptr, output, place),
        first_image_(static_cast<int>(p.per_image.quotient(place.m_begin))),
        begin_(gates),
        slot_(gates) {}

  __device__ __forceinline__ void begin(std::uint32_t stage) { conv_.begin(stage); }
  template <int kPart>
  __device__ __forceinline__ void part() {
    if constexpr (kPart == 0) {
      if (k_block_ < p_.k_blocks) copy_gates();
      ++k_block_;
    }
    conv_.template part<kPart>();
  }

 private:
  // Zeros behind the last channel: they meet zeros of x, of which infinity would make NaN.
  __device__ __forceinline__ void copy_gates() {
    constexpr int kChunks = ConvTile::kChunksPerRow;
    const auto* gates = static_cast<const Element*>(p_.gate.gates);
#pragma unroll 1
    for (int i = threadIdx.x; i < p_.gate.images * kChunks; i += T.threads()) {
      const int image = first_image_ + i / kChunks;
      const int channel = k_block_ * kSliceWidth + i % kChunks * 8;
      ptx::copy_async_16(slot_ + i / kChunks * kGateRowBytes + i % kChunks * 16,
                         gates + static_cast<std::int64_t>(image) * p_.g.c + channel,
                         image < p_.g.n && channel < p_.g.c);
    }
    const std::uint32_t slot_bytes = p_.gate.images * kGateRowBytes;
    slot_ = slot_ + slot_bytes == begin_ + T.stages * slot_bytes ? begin_ : slot_ + slot_bytes;
  }

  const ConvParams& p_;
  ConvCopies<T, ConvLoader::load_1x1, Element> conv_;
  int first_image_;
  int k_block_ = 0;
  std::uint32_t begin_, slot_;
};

}  // namespace foldconv
