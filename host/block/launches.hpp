// SPDX-License-Identifier: MIT
// One launch of a planned block, and the tensors between launches.
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <variant>
#include <vector>

#include "catalog/launch.hpp"
#include "foldconv/block.hpp"
#include "foldconv/conv.hpp"
#include "params/block_params.hpp"

namespace foldconv::host {

// A tensor of a plan: what conv1 or conv2 of a block makes (t1, t2), or the block's output. The input
// of block i is the output of block i - 1, that of the first one the plan's input.
struct BlockTensor {
  enum class Role { none, t1, t2, output };
  Role role = Role::none;
  int block = 0;
};

// A kernel of this library that is not a single convolution. Tensors are bound at the launch.
struct KernelLaunch {
  EntryPoint entry;
  LaunchShape shape;
  std::variant<ConvParams, WholeParams, TailParams, InvertedParams> params;
  int tile_pixels =
      0;  // of y, that a CTA computes; not of WholeParams and InvertedParams, which say their tiles
};

struct BlockLaunch {
  std::string kernel;
  LaunchCost cost;
  std::variant<ConvPlan, KernelLaunch> work;
  BlockTensor x;
  BlockTensor shortcut;  // what is added, or a projection's input
  BlockTensor y;
  BlockTensor next;  // the next block's t1
};

// Tensors that live in the workspace. Those of the same role in neighbouring blocks lie in different
// places: a tail reads its block's t1 and writes the next one's, a projection reads pixels of x that
// other CTAs' y would overwrite.
class BlockWorkspace {
 public:
  // `launches` of `blocks` blocks; bytes(tensor) is a tensor's size.
  template <class Bytes>
  BlockWorkspace(const std::vector<BlockLaunch>& launches, int blocks, Bytes&& bytes)
      : blocks_(blocks) {
    for (const BlockLaunch& launch : launches) {
      for (const BlockTensor& tensor : {launch.x, launch.shortcut, launch.y, launch.next}) {
        if (inside(tensor)) size_of(tensor) = std::max(size_of(tensor), bytes(tensor));
      }
    }
  }

  std::size_t bytes() const { return offset(kSlots); }

  // Where a tensor lies in a run.
  void* find(const BlockTensor& tensor, const BlockBuffers& buffers) const;

 private:
  static constexpr int kSlots = 5;  // t1 twice, output twice, t2

  bool inside(const BlockTensor& tensor) const;
  static int slot(const BlockTensor& tensor);
  std::size_t& size_of(const BlockTensor& tensor) { return sizes_[std::size_t(slot(tensor))]; }
  std::size_t offset(int slot) const;

  int blocks_;
  std::array<std::size_t, kSlots> sizes_ = {};
};

// Of the first buffers.images of n images.
Status run(const BlockLaunch& launch, const BlockWorkspace& workspace, const BlockBuffers& buffers,
           int n, cudaStream_t stream);

}  // namespace foldconv::host
