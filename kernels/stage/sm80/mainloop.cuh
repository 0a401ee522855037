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

// The copies of a whole stage, of a kernel's copying end that has begin(stage) and part<i>().
template <class Copies>
class CopiesInParts {
 public:
  __device__ __forceinline__ void operator()(std::uint32_t stage) {
    auto& copies = static_cast<Copies&>(*this);
    copies.begin(stage);
    copies.template part<0>();
    copies.template part<1>();
    copies.template part<2>();
    static_assert(kCopyParts == 3);
  }
};

// `copies`, for all threads: begin(stage) takes up the next stage's copies, part<i>() starts the i-th part of them;
// copies(stage) is both. `load(fragments, stage, k_step)`: the fragments of a k-step of the slice in `stage`, called in
// the order of K. The first stages have been copied ahead.
template <Pipeline P, class Copies, class Mma, class Load>
__device__ __forceinline__ void multiply_stages(P& ring, Copies& copies, Mma& mma, int stages,
                                                Load&& load) {
  typename Mma::Fragments fragments[2];
  std::uint32_t stage = ring.wait();
  load(fragments[0], stage, 0);
  for (int k_block = 0; k_block < stages; ++k_block) {
    copies.begin(ring.acquire());
    copies.template part<0>();
    load(fragments[1], stage, 1);
    mma.multiply(fragments[0]);
    copies.template part<1>();
    load(fragments[0], stage, 2);
    mma.multiply(fragments[1]);
    copies.template part<2>();
    ring.commit();
    load(fragments[1], stage, 3);
    mma.multiply(fragments[0]);
    ring.release();
    if (k_block + 1 < stages) {
      stage = ring.wait();
      load(fragments[0], stage, 0);
    }
    mma.multiply(fragments[1]);
  }
}

}  // namespace foldconv
