// SPDX-License-Identifier: MIT
// What the kernels of blocks take: all their rules on shapes and types. A rule returns "" if it holds,
// else which value breaks it.
#pragma once

#include <string>

#include "block/planned.hpp"
#include "tile/inverted_tile.hpp"
#include "tile/tail_tile.hpp"

namespace foldconv::host {

// block_whole, by any tile: the block, whatever its input; and at its place.
std::string whole_rule(const BlockData& block);
std::string whole_rule(const PlannedBlock& block);

// block_inverted, by any tile: the block, whatever its input; and at its place.
std::string inverted_rule(const BlockData& block);
std::string inverted_rule(const PlannedBlock& block);
std::string inverted_rule(const InvertedTile& tile, const BlockData& block);

// block_tail: conv2 and conv3 of the block, and conv1 of the next one unless it is null, by any tile;
// and by this one.
std::string tail_rule(const PlannedBlock& block, const PlannedBlock* next);
std::string tail_rule(const TailTile& tile, const PlannedBlock& block, const PlannedBlock* next);

// conv_joined: conv3 and the downsample of a block that has them joined, whatever its input, by any tile.
std::string joined_rule(const BlockData& block);

// The sm_90 family: every convolution of the block, whatever its images.
std::string sm90_rule(const PlannedBlock& block);

// "" unless a CTA needs more shared memory than the device has.
std::string shared_memory_rule(std::int64_t needed, const DeviceFigures& device);

// Slices of what conv3 reads (t2, and a projection's x), or of the next conv1's output, which takes
// its place in the tail kernel.
int tail_operand_slices(const BlockData& block, const BlockData* next);

}  // namespace foldconv::host
