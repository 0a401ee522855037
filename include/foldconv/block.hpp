// Residual blocks, and runs of them, as one object: planned into as few kernels as pay, with the
// same bits however they are divided.
//
//   Bottleneck:  y = last(conv3(inner(conv2(inner(conv1(x))))) + shortcut(x))
//                1x1, 3x3 padded by 1, 1x1
//   BasicBlock:  y = last(conv2(inner(conv1(x))) + shortcut(x))
//                3x3, 3x3, both padded by 1
//   shortcut(x): x, or a 1x1 convolution with the block's stride (the downsample, or projection)
//
// each convolution with its BatchNorm folded in (He et al., "Deep Residual Learning for Image
// Recognition", 2015, figure 5). A bottleneck's projection is summed as a longer K of its last
// convolution, [conv2's output | x] . [w3 ; wd], not rounded in between; both scales are then folded
// into the weights, whatever FoldOptions::placement says. Where they cannot be, and for f32, grouped
// and other blocks that no tensor-core kernel takes, it is a convolution of its own, rounded to the
// storage type before the sum.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "foldconv/activation.hpp"
#include "foldconv/fold.hpp"
#include "foldconv/status.hpp"
#include "foldconv/tensor.hpp"

namespace foldconv {

// A convolution of a block and the BatchNorm behind it.
struct BlockLayer {
  ConvWeights conv;
  std::optional<BatchNorm> batch_norm = {};
};

// Which convolution of a bottleneck carries the stride.
enum class StrideAt : std::uint8_t {
  conv1,  // the first 1x1: ResNet v1, as first published
  conv2,  // the 3x3: ResNet v1.5, torchvision
};

struct BottleneckWeights {
  BlockLayer conv1, conv2, conv3;
  std::optional<BlockLayer> downsample = {};
  int stride = 1;  // 1 or 2
  StrideAt stride_at = StrideAt::conv2;
  int groups = 1;                       // of conv2 (ResNeXt)
  Activation inner = Activation::relu;  // after conv1 and conv2
  Activation last = Activation::relu;   // after the sum
  float alpha = 0.01f;                  // slope of leaky_relu
};

struct BasicBlockWeights {
  BlockLayer conv1, conv2;
  std::optional<BlockLayer> downsample = {};
  int stride = 1;  // of conv1: 1 or 2
  Activation inner = Activation::relu;
  Activation last = Activation::relu;
  float alpha = 0.01f;
};

// The input of one run: NHWC, channels as the weights say.
struct BlockProblem {
  int n = 1, h = 0, w = 0;
};

// How blocks are divided into kernels.
enum class BlockCut : std::uint8_t {
  automatic,  // block by block, the least floor time
  whole,      // one kernel for each block
  tails,      // conv1, then one kernel for conv2, conv3 and the next block's conv1, and so on
  chain,      // one kernel for each convolution
};
FOLDCONV_API const char* to_string(BlockCut cut) noexcept;

struct BlockPlanOptions {
  BlockCut cut = BlockCut::automatic;
};

// One way to divide the blocks, and what it costs.
struct CutFigures {
  BlockCut cut = BlockCut::chain;    // automatic: a mixture, block by block
  std::vector<std::string> kernels;  // in launch order
  double dram_bytes =
      0;             // compulsory for these kernels: each reads and writes each of its tensors once
  double flops = 0;  // multiplied and added, halo included
  double recomputed = 0;  // share of them that another tile computes too
  std::size_t workspace_bytes = 0;
  double floor_us = 0;  // sum over launches of max(bytes / bandwidth, flops / peak, waves rounded
                        // up) and of a launch
  std::string refusal;  // why it cannot be taken; "" if it can
};

struct FOLDCONV_API BlockExplanation {
  BlockCut cut = BlockCut::chain;
  std::string reason;
  std::vector<CutFigures> cuts;   // all of them, the chosen one too
  std::string device;             // the figures behind floor_us
  std::string to_string() const;  // several lines, for a terminal
};

// 16-byte aligned device pointers of one run of a block or stage.
struct BlockBuffers {
  const void* x = nullptr;    // NHWC
  void* y = nullptr;          // NHWC; may not overlap x
  void* workspace = nullptr;  // BlockPlan::workspace_bytes(); may be null when that is 0
  std::size_t workspace_bytes = 0;
};

// A block or stage bound to a problem. Immutable; run() may be called from any thread on any stream, each
// with a workspace of its own.
class FOLDCONV_API BlockPlan {
 public:
  // Launches the plan's kernels on `stream`; no allocation, no synchronisation; may be captured.
  // Errors as ConvPlan::run().
  Status run(const BlockBuffers& buffers, cudaStream_t stream = nullptr) const;

  Shape input() const noexcept;
  Shape output() const noexcept;
  std::size_t workspace_bytes() const noexcept;
  const BlockExplanation& explanation() const noexcept;

  struct Data;
  explicit BlockPlan(std::shared_ptr<const Data> data) : data_(std::move(data)) {}

 private:
  std::shared_ptr<const Data> data_;
};

// A block's weights, folded and on the device. Immutable, thread-safe, cheap to copy.
class FOLDCONV_API Block {
 public:
  // Decides how to divide the block and prepares the kernels. Every rule on shapes and device is
  // checked here. Errors: invalid_argument; unsupported (a pinned cut that does not take the block:
  // its reason); cuda_error. The current device must be the one of create().
  Result<BlockPlan> plan(const BlockProblem& problem, const BlockPlanOptions& options = {}) const;

  struct Data;

 protected:
  explicit Block(std::shared_ptr<const Data> data) : data_(std::move(data)) {}

 private:
  friend class Stage;
  std::shared_ptr<const Data> data_;
};

class Bottleneck : public Block {
 public:
  // Folds and copies to the current device; synchronous. Errors: those of fold() and
  // Conv::create(), naming the convolution; invalid_argument for wiring: widths that do not chain,
  // other filter sizes than above, a missing downsample where x and y differ in shape, a stride
  // other than 1 or 2.
  static Result<Bottleneck> create(const BottleneckWeights& weights,
                                   const FoldOptions& options = {});

 private:
  using Block::Block;
};

class BasicBlock : public Block {
 public:
  // As Bottleneck::create().
  static Result<BasicBlock> create(const BasicBlockWeights& weights,
                                   const FoldOptions& options = {});

 private:
  using Block::Block;
};

// Blocks run one after the other, so that a kernel may reach over the border between two. Immutable,
// thread-safe, cheap to copy.
//
//   Stage::create({first, second, third})    any mixture of Bottleneck and BasicBlock
class FOLDCONV_API Stage {
 public:
  // Shares the blocks' weights. Errors: invalid_argument: no block; channels that do not chain; data
  // types or devices that differ.
  static Result<Stage> create(std::vector<Block> blocks);

  // As Block::plan(). The workspace also holds the tensors between the blocks.
  Result<BlockPlan> plan(const BlockProblem& problem, const BlockPlanOptions& options = {}) const;

 private:
  explicit Stage(std::vector<Block> blocks) : blocks_(std::move(blocks)) {}

  std::vector<Block> blocks_;
};

}  // namespace foldconv
