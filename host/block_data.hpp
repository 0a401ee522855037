// What a Block and a BlockPlan hold.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "block_params.hpp"
#include "foldconv/block.hpp"
#include "foldconv/conv.hpp"
#include "launch.hpp"

namespace foldconv {

namespace host {

// A convolution of the chain.
struct BlockStep {
  const char* name;  // as in a PyTorch state dict: "conv1", "downsample"
  Conv conv;
  int c, k, r;  // r x r taps, padded by r / 2
  int stride, groups;
};

}  // namespace host

struct Block::Data {
  DataType dtype;
  int device;
  Activation inner, last;
  float alpha;
  std::vector<host::BlockStep> steps;  // in order, without the shortcut
  std::optional<host::BlockStep> downsample;
  // The last 1x1 and the downsample as one matrix [w3 | wd], for kernels that sum both into one
  // accumulator.
  std::optional<Conv> last_and_downsample;
  std::string why_not_merged;  // where there is none

  int c() const { return steps.front().c; }
  int k() const { return steps.back().k; }
};

namespace host {

// Where a launch of the chain reads or writes.
enum class BlockTensor { none, x, y, t1, t2 };

struct ChainLaunch {
  ConvPlan plan;
  BlockTensor x, residual, y;
};
struct BlockChain {
  std::vector<ChainLaunch> launches;
  std::size_t t2_offset = 0;  // of the workspace; t1 lies at its start
};

struct WholeBlock {
  EntryPoint entry;
  LaunchShape shape;
  BottleneckParams params;
};

}  // namespace host

struct BlockPlan::Data {
  std::shared_ptr<const Block::Data> block;
  Shape input, output;
  int device;
  std::size_t workspace_bytes;
  std::variant<host::BlockChain, host::WholeBlock> launches;
  BlockExplanation explanation;
};

}  // namespace foldconv
