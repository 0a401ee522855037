// SPDX-License-Identifier: MIT
// The loop over the stages of K: products of one stage beside the copies of a later one.
//
//   k-step 0, 1, 2   products; a part of the copies each, so that they do not queue in front of the
//                    next loads from shared memory
//   k-step 3         wait for the next stage, load its first fragments, and only then the last
//                    products: tensor cores have work behind the barrier
#pragma once

#include <cstdint>

#include "ptx/registers.cuh"
#include "stage/pipeline.cuh"
#include "tile/weight_layout.hpp"

namespace foldconv {

inline constexpr int kStepsPerSlice = kSliceWidth / 16;
// Parts that a stage's copies come in: the commit stands before the wait of the last k-step.
inline constexpr int kCopyParts = kStepsPerSlice - 1;

// Both operands in the stage, at this lane's offsets, as WarpMma::load() takes them.
template <class Mma>
class StageOperands {
 public:
  __device__ __forceinline__ StageOperands(std::uint32_t x_part, std::uint32_t w_part)
      : x_part_(x_part), w_part_(w_part) {
    ptx::keep(x_part_);
    ptx::keep(w_part_);
  }
  __device__ __forceinline__ void next() const {}
  __device__ __forceinline__ void load(typename Mma::Fragments& to, std::uint32_t stage,
                                       int k_step) const {
    Mma::load(to, stage + x_part_, stage + w_part_, k_step);
  }

 private:
  std::uint32_t x_part_, w_part_;
};

// `copies`, for all threads: begin(stage) takes up the next stage's copies, part<i>() starts the i-th part of them;
// copies(stage) is both. `operands`: next() moves on to the next stage, of which it needs nothing yet;
// load(fragments, stage, k_step) loads this lane's. The first stages have been copied ahead.
template <Pipeline P, class Copies, class Mma, class Operands>
__device__ __forceinline__ void multiply_stages(P& ring, Copies& copies, Mma& mma, int stages,
                                                Operands& operands) {
  typename Mma::Fragments fragments[2];
  operands.next();
  std::uint32_t stage = ring.wait();
  operands.load(fragments[0], stage, 0);
  for (int k_block = 0; k_block < stages; ++k_block) {
    copies.begin(ring.acquire());
    copies.template part<0>();
    operands.load(fragments[1], stage, 1);
    mma.multiply(fragments[0]);
    copies.template part<1>();
    operands.load(fragments[0], stage, 2);
    mma.multiply(fragments[1]);
    copies.template part<2>();
    ring.commit();
    operands.load(fragments[1], stage, 3);
    operands.next();
    mma.multiply(fragments[0]);
    ring.release();
    if (k_block + 1 < stages) {
      stage = ring.wait();
      operands.load(fragments[0], stage, 0);
    }
    mma.multiply(fragments[1]);
  }
}

}  // namespace foldconv
