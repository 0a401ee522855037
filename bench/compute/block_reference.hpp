// What blocks must compute.
//
// From outside, a block's intermediates cannot be seen. So its convolutions are run one by one
// through Conv, each judged by the fp64 reference from what it read, and the block's chain must
// give the bits of the last one. Where the chain sums the projection into the last convolution, that
// sum is judged by the reference instead. Every other cut must then give the chain's bits.
#pragma once

#include <cstddef>
#include <vector>

#include "compute/block_convs.hpp"
#include "compute/block_workload.hpp"
#include "compute/judge.hpp"

namespace foldconv::tool {

struct BlockReference {
  Verdict verdict;            // the worst of all convolutions
  std::vector<std::byte> y;   // of the last block's chain, all images
  oracle::Expected expected;  // of y's distinct images
  Images images;              // y's
};

// Errors: those of the library's calls.
Result<BlockReference> reference_of(const BlockWorkload& workload,
                                    const std::vector<Block>& blocks);

// A cut's y passes if it has the bits of a right chain.
Verdict judge_cut(const BlockReference& reference, const std::vector<std::byte>& y);

// Whether the chain sums the projection into the last convolution: then it launches no kernel for
// it. Also true of a block without a projection.
bool merges_projection(const BlockConvs& convs, const BlockPlan& chain);

}  // namespace foldconv::tool
