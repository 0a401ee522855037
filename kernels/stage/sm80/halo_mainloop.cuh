// SPDX-License-Identifier: MIT
// The products of a convolution whose taps come from shared memory: conv_halo_sm80's, and conv2's in block_tail_sm80.
#pragma once

#include <cstdint>

#include "params/conv_params.hpp"
#include "ptx/shared_memory.cuh"
#include "stage/output_place.cuh"
#include "stage/pipeline.cuh"
#include "stage/sm80/conv_epilogue.cuh"
#include "stage/sm80/halo_copies.cuh"
#include "stage/sm80/halo_operands.cuh"
#include "stage/sm80/mainloop.cuh"
#include "tile/halo_tile.hpp"

namespace foldconv {

// Where a kernel has them; shared addresses, 16-byte aligned.
struct HaloMemory {
  std::uint32_t zeros;    // a row
  std::uint32_t pixels;   // of a slice with their halo, and those of the next one, if there is one
  std::uint32_t weights;  // counted from the begin of a stage
};

// `with_what_follows(copies)`: the copying end of the pipeline, for what the ring's stages hold behind the last tap. The
// caller synchronises before it overwrites pixels.
template <HaloTile T, class Element, Pipeline P, class Mma, class WithWhatFollows>
__device__ __forceinline__ void multiply_halo(const ConvParams& p, int reach,
                                              const HaloMemory& memory, const OutputPlace& place,
                                              P& ring, Mma& mma,
                                              WithWhatFollows&& with_what_follows) {
  if (threadIdx.x < kSliceBytes / 16) {
    ptx::store_shared_16(memory.zeros + threadIdx.x * 16, {0, 0, 0, 0});
  }
  HaloCopies<T, Element> halo(p, reach, memory.pixels, memory.weights, place);
  auto&& copies = with_what_follows(halo);
  produce_ahead(ring, copies);
  HaloOperands<Mma> operands(p, memory.zeros, memory.pixels,
                             static_cast<int>(T.pixels_bytes(reach)), memory.weights, place.m_begin,
                             warp_row<T.conv>(), warp_column<T.conv>());
  multiply_stages(ring, copies, mma, p.k_blocks,
                  [&](Mma::Fragments& to, std::uint32_t stage, int k_step) {
                    operands.load(to, stage, k_step);
                  });
}

}  // namespace foldconv
