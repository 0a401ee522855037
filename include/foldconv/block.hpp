// SPDX-License-Identifier: MIT
/// @file
/// Residual blocks, and runs of them, as one object: planned into as few kernels as pay, with the
/// same bits however they are divided.
///
///     bottleneck:  y = last(conv3(inner(conv2(inner(conv1(x))))) + shortcut(x))
///                  1x1, 3x3 padded by 1, 1x1
///     basic block: y = last(conv2(inner(conv1(x))) + shortcut(x))
///                  3x3, 3x3, both padded by 1
///     shortcut(x): x, or a 1x1 convolution with the block's stride (the downsample, or projection)
///     inverted:    y = last(project(inner(depthwise(inner(expand(x))))) [+ x])
///                  1x1, depthwise r x r, 1x1; the first may be missing
///
/// each convolution with its BatchNorm folded in (He et al., "Deep Residual Learning for Image
/// Recognition", 2015, figure 5; Sandler et al., "MobileNetV2", 2018, figure 4). Every tensor between two
/// convolutions is rounded to the storage type, and is zero outside of the image, in every cut.
///
/// A bottleneck's projection is *joined* to its last convolution where it can be: summed as a
/// longer K, [conv2's output | x] . [w3 ; wd], not rounded in between. The two have scales of their
/// own, which must then be folded into the weights; so weights that came from a 16-bit checkpoint
/// (fold.hpp: they keep their scale in the epilogue), and all where FoldOptions::placement is
/// epilogue, are not joined. Nor are f32, grouped and other blocks that no tensor-core kernel
/// takes. A projection that is not joined is a convolution of its own in every cut, rounded to the
/// storage type before the sum. BlockExplanation::shortcuts says what was done.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "foldconv/activation.hpp"
#include "foldconv/conv.hpp"
#include "foldconv/cost.hpp"
#include "foldconv/fold.hpp"
#include "foldconv/status.hpp"
#include "foldconv/tensor.hpp"

namespace foldconv {

/// A convolution of a block and the BatchNorm behind it.
struct BlockLayer {
  ConvWeights conv;
  std::optional<BatchNorm> batch_norm = {};
};

/// Which convolution of a bottleneck carries the stride.
enum class StrideAt : std::uint8_t {
  conv1,  ///< the first 1x1: ResNet v1, as first published
  conv2,  ///< the 3x3: ResNet v1.5, torchvision
};

struct BottleneckWeights {
  BlockLayer conv1, conv2, conv3;
  std::optional<BlockLayer> downsample = {};
  int stride = 1;  ///< 1 or 2
  StrideAt stride_at = StrideAt::conv2;
  int groups = 1;                       ///< of conv2 (ResNeXt)
  Activation inner = Activation::relu;  ///< after conv1 and conv2
  Activation last = Activation::relu;   ///< after the sum
};

struct BasicBlockWeights {
  BlockLayer conv1, conv2;
  std::optional<BlockLayer> downsample = {};
  int stride = 1;  ///< of conv1: 1 or 2
  Activation inner = Activation::relu;
  Activation last = Activation::relu;
};

/// An inverted residual block: wide in the middle, where a depthwise convolution filters each channel alone.
///
///     t1 = inner(expand(x))                        rounded; without `expand` x itself
///     t2 = inner(depthwise(t1))                    rounded; t1 is 0 outside of the image, not inner(bias)
///     y  = last(project(t2) [+ x])                 rounded
struct InvertedBlockWeights {
  std::optional<BlockLayer> expand = {};  ///< 1x1
  BlockLayer depthwise;                   ///< r x r, a channel a group: c_per_group is 1
  BlockLayer project;                     ///< 1x1
  int stride = 1;                         ///< of the depthwise: 1 or 2
  std::optional<Padding> pad = {};        ///< of the depthwise; none: Padding::same(r / 2)
  /// x is added: of y's shape, so stride 1 and padding that keeps the image's size.
  bool residual = false;
  Activation inner = Activation::relu6;  ///< after expand and depthwise
  Activation last = Activation::none;    ///< after project and the sum
};

/// How blocks are divided into kernels.
enum class BlockCut : std::uint8_t {
  automatic,  ///< block by block, the least floor time; within a hundredth of it, the fewest bytes
  whole,      ///< one kernel for each block
  tails,      ///< conv1, then one kernel for conv2, conv3 and the next block's conv1, and so on
  chain,      ///< one kernel for each convolution
};
FOLDCONV_API const char* to_string(BlockCut cut) noexcept;

/// As Pitches, of the first block's x and the last one's y.
struct BlockPitches {
  int x = 0, y = 0;
};

struct BlockPlanOptions {
  BlockCut cut = BlockCut::automatic;
  /// Pins a kernel that computes more than one convolution, by its name (see explanation()): wherever
  /// the cut takes one of its family, it is this one; and the cut is the one that is made of them,
  /// unless another is pinned, too. Empty: the least floor time decides.
  std::string_view kernel = {};
  /// Of all convolutions of the blocks: sm90 only where it takes every one of them, else sm80; and sm90 only as a chain.
  Instructions instructions = Instructions::automatic;
  BlockPitches pitch = {};
};

/// One launch of a plan, and what it costs by the planner's model.
struct LaunchFigures : LaunchCost {
  std::string kernel;
  double floor_us = 0;                ///< floor_seconds() of the cost
  CostTerm limit = CostTerm::launch;  ///< what it is: limit_of() the cost
};

/// One way to divide the blocks, and what it costs: sums over its launches.
struct CutFigures {
  BlockCut cut = BlockCut::chain;       ///< automatic: a mixture, block by block
  std::vector<LaunchFigures> launches;  ///< in order
  double dram_bytes = 0;
  double flops = 0;
  double recomputed = 0;  ///< share of flops
  std::size_t workspace_bytes = 0;
  double floor_us = 0;
  std::string refusal;  ///< why it cannot be taken; "" if it can
};

/// How a block's shortcut is computed, the same in every cut.
struct BlockShortcut {
  enum class Kind : std::uint8_t {
    identity,     ///< x is added
    joined,       ///< the projection is summed as a longer K of the last convolution
    convolution,  ///< the projection is a convolution of its own, rounded before the sum
    none,         ///< nothing is added: an inverted block without a residual
  };
  Kind kind = Kind::identity;
  std::string reason;  ///< why it is not joined, or what joining it did to the scales; else ""
};
FOLDCONV_API const char* to_string(BlockShortcut::Kind kind) noexcept;

struct FOLDCONV_API BlockExplanation {
  BlockCut cut = BlockCut::chain;
  std::string reason;
  Instructions instructions = Instructions::sm80;  ///< of all convolutions: sm80 or sm90
  std::string instructions_reason;                 ///< why these
  std::vector<CutFigures> cuts;                    ///< all of them, the chosen one too
  std::vector<BlockShortcut> shortcuts;            ///< one a block
  std::string device;                              ///< the figures behind floor_us
  const CutFigures& chosen() const;  ///< of the plan itself; empty where there is none
  std::string to_string() const;     ///< several lines, for a terminal
};

/// 16-byte aligned device pointers of one run of a block or stage.
struct BlockBuffers {
  const void* x = nullptr;    ///< NHWC
  void* y = nullptr;          ///< NHWC; may share no element with x
  void* workspace = nullptr;  ///< BlockPlan::workspace_bytes(); may be null when that is 0
  std::size_t workspace_bytes = 0;
  /// The first so many of the plan's n, with the same bits; 0: all. x and y may end behind them.
  int images = 0;
};

/// A block or stage bound to a problem. Immutable; run() may be called from any thread on any stream, each
/// with a workspace of its own. Cheap to copy.
class FOLDCONV_API BlockPlan {
 public:
  /// Launches the plan's kernels on `stream`, and nothing else; no allocation, no synchronisation; may
  /// be captured. The current device must be the plan's. Errors: invalid_argument (null pointer,
  /// another device, images outside 0 to n), misaligned, aliasing, workspace_too_small: nothing was launched, y and the
  /// workspace are untouched. cuda_error: of a launch; the ones before it run, so the contents of y
  /// and of the workspace are undefined.
  Status run(const BlockBuffers& buffers, cudaStream_t stream = nullptr) const;

  Shape input() const noexcept;
  Shape output() const noexcept;
  std::size_t workspace_bytes() const noexcept;
  const BlockExplanation& explanation() const noexcept;

  /// Copies only: no BlockPlan is ever empty.
  BlockPlan(const BlockPlan&) = default;
  BlockPlan& operator=(const BlockPlan&) = default;

 private:
  friend struct host::Internals;
  struct Data;
  explicit BlockPlan(std::shared_ptr<const Data> data) : data_(std::move(data)) {}

  std::shared_ptr<const Data> data_;
};

/// A block's weights, folded and on the device. Immutable, thread-safe, cheap to copy.
class FOLDCONV_API Block {
 public:
  /// Folds and copies to the current device; synchronous. Errors: those of fold() and Conv::create(),
  /// naming the convolution; cuda_error of the device's attributes; invalid_argument for wiring: widths
  /// that do not chain, other filter sizes than above, a missing downsample where x and y differ in
  /// shape, a stride other than 1 or 2.
  static Result<Block> create(const BottleneckWeights& weights, const FoldOptions& options = {});
  /// The same of a basic block.
  static Result<Block> create(const BasicBlockWeights& weights, const FoldOptions& options = {});
  /// The same of an inverted block. A residual where x and y differ in shape is invalid_argument, too.
  static Result<Block> create(const InvertedBlockWeights& weights, const FoldOptions& options = {});

  /// Decides how to divide the block and prepares the kernels. Every rule on shapes and device is
  /// checked here. Errors: invalid_argument; unsupported (a pinned cut or kernel that does not take
  /// the block: its reason); cuda_error. The current device must be the one of create(). Costs
  /// the host some tens of microseconds besides the CUDA runtime's calls, and loads kernels at their
  /// first use: where sizes of images come again, keep a plan for each.
  Result<BlockPlan> plan(const Images& images, const BlockPlanOptions& options = {}) const;

  /// Copies only: no Block is ever empty.
  Block(const Block&) = default;
  Block& operator=(const Block&) = default;

 private:
  friend struct host::Internals;
  struct Data;
  explicit Block(std::shared_ptr<const Data> data) : data_(std::move(data)) {}

  std::shared_ptr<const Data> data_;
};

/// Blocks run one after the other, so that a kernel may reach over the border between two. Immutable,
/// thread-safe, cheap to copy.
///
///     Stage::create({first, second, third})    any mixture of bottlenecks, basic and inverted blocks
class FOLDCONV_API Stage {
 public:
  /// Shares the blocks' weights. Errors: invalid_argument: no block; channels that do not chain; data
  /// types or devices that differ.
  static Result<Stage> create(std::vector<Block> blocks);

  /// As Block::plan(). The workspace also holds the tensors between the blocks.
  Result<BlockPlan> plan(const Images& images, const BlockPlanOptions& options = {}) const;

  /// Copies only: no Stage is ever empty.
  Stage(const Stage&) = default;
  Stage& operator=(const Stage&) = default;

 private:
  explicit Stage(std::shared_ptr<const std::vector<Block>> blocks) : blocks_(std::move(blocks)) {}

  std::shared_ptr<const std::vector<Block>> blocks_;
};

}  // namespace foldconv
