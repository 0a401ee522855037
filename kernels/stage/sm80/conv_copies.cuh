// SPDX-License-Identifier: MIT
// The copying end of conv_sm80's pipeline: the stages of K, pixels and weights, then the pieces of the residual.
#pragma once

#include <cstdint>

#include "params/conv_params.hpp"
#include "stage/output_place.cuh"
#include "stage/sm80/mainloop.cuh"
#include "stage/sm80/output_tile.cuh"
#include "stage/sm80/weight_loader.cuh"
#include "stage/sm80/x_loader.cuh"
#include "tile/conv_tile.hpp"

namespace foldconv {

template <ConvTile T, ConvLoader kLoader, class Element>
class ConvCopies : public CopiesInParts<ConvCopies<T, kLoader, Element>> {
 public:
  __device__ __forceinline__ ConvCopies(const ConvParams& p, const AddressEntry* table,
                                        const OutputTile<T, Element>& output,
                                        const OutputPlace& place)
      : p_(p),
        output_(output),
        x_(p, table, place.m_begin, place.group),
        w_(conv_weights<T, Element>(p, place)) {
    x_.keep_offsets();
    w_.keep_offsets();
  }

  __device__ __forceinline__ void begin(std::uint32_t stage) {
    stage_ = stage;
    k_block_ = next_++;
    if (k_block_ < p_.k_blocks) {
      x_slice_ = x_.slice(k_block_);
      w_slice_ = w_.slice(k_block_);
    }
  }
  template <int kPart>
  __device__ __forceinline__ void part() const {
    if (k_block_ < p_.k_blocks) {
      x_.template load_part<kPart, kCopyParts>(stage_, x_slice_);
      w_.template load_part<kPart, kCopyParts>(stage_ + T.block_m * kSliceBytes, w_slice_);
    } else if (kPart == 0 && p_.residual != nullptr && p_.vector_output != 0 &&
               k_block_ - p_.k_blocks < T.output_pieces()) {
      output_.load_residual(k_block_ - p_.k_blocks);
    }
  }

 private:
  const ConvParams& p_;
  const OutputTile<T, Element>& output_;
  XLoader<T, kLoader, Element> x_;
  ConvWeights<T, Element> w_;
  typename XLoader<T, kLoader, Element>::Slice x_slice_ = {};
  const Element* w_slice_ = nullptr;
  std::uint32_t stage_ = 0;
  int k_block_ = 0, next_ = 0;
};

}  // namespace foldconv
