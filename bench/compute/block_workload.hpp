// Residual blocks with data, on the host, and as the library's objects.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "commands/options.hpp"
#include "compute/block_data.hpp"
#include "compute/images.hpp"
#include "foldconv/block.hpp"
#include "problems/block_descriptor.hpp"

namespace foldconv::tool {

struct BlockWorkload {
  DataType dtype = DataType::f16;
  BlockProblem problem;
  int distinct = 1;
  std::vector<BlockData> blocks;  // one after the other
  std::vector<float> x;           // `distinct` images

  Images input() const;
  // Encoded in the dtype; `images` from 1 on, each a copy of image i % distinct.
  std::vector<std::byte> encoded_x(int images) const;
};

// Random weights, of the size of a trained network's: activations stay near 1 through the block.
BlockData random_block(const BlockShape& shape, const Options& options, std::uint64_t seed);

// The workload of blocks with data: random x.
BlockWorkload make_block_workload(const BlockProblem& problem, std::vector<BlockData> blocks,
                                  const Options& options);

// The workload of a descriptor: its weights, or random ones. Errors: sizes that a convolution cannot
// have.
Result<BlockWorkload> make_block_workload(const BlockDescriptor& descriptor,
                                          const Options& options);

// "block 0 of 3", as the library's messages have it.
std::string block_of_several(std::size_t index, std::size_t count);

// The weights on the device. Errors: those of create(), naming the block where there are several.
Result<std::vector<Block>> create_blocks(const BlockWorkload& workload);

// One plan for all of them: a stage's where there are several. Errors: those of Stage::create() and
// plan().
Result<BlockPlan> plan_blocks(const std::vector<Block>& blocks, const BlockProblem& problem,
                              BlockCut cut);

// Why plan() refused a pinned cut with `status`, as an explanation says it where one does.
std::string refusal_of(const std::vector<Block>& blocks, const BlockProblem& problem, BlockCut cut,
                       const Status& status);

// The kernels that the plan launches, in order, separated by spaces.
std::string kernels_of(const BlockPlan& plan);

}  // namespace foldconv::tool
