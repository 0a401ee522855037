// SPDX-License-Identifier: MIT
/// @file
/// A graph made fast: BatchNorm folded, activations and sums fused into the convolutions before them, residual blocks
/// found and run as few kernels. Three objects, as everywhere here: Graph (description, on the host), Network (weights on
/// the device), NetworkPlan (for one shape).
///
///     auto network = Network::create(graph, {.dtype = DataType::f16});   // folds, fuses; weights to the device, once
///     if (!network) return report(network.status());
///     auto plan = network->plan({.n = 8, .h = 224, .w = 224});           // once for each shape
///     if (!plan) return report(plan.status());
///     Status status = plan->run({.inputs = {images}, .outputs = {logits}, .workspace = workspace,
///                                .workspace_bytes = plan->workspace_bytes()}, stream);   // launches, nothing else
///
/// Where values are rounded is a contract. Products and sums are fp32; a tensor is rounded to the storage type, once, at
/// the end of each node of the fused graph (fused()): a convolution or linear layer with its BatchNorm, residual and
/// activation; a BatchNorm, sum or product with its activation; any other operation. BatchNorms, and constants for each
/// channel, are fp32 wherever they go; other constants are rounded to the storage type. How blocks are cut into kernels
/// changes no bit, nor does the batch, the place in it, the workspace's contents or the stream. One exception: a projection
/// shortcut that is joined (foldconv/block.hpp).
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "foldconv/block.hpp"
#include "foldconv/cost.hpp"
#include "foldconv/graph.hpp"
#include "foldconv/pixels.hpp"
#include "foldconv/status.hpp"
#include "foldconv/tensor.hpp"

namespace foldconv {

struct NetworkOptions {
  DataType dtype = DataType::f16;  ///< of weights and tensors
  /// false: every operation by itself, but for the affine pass (docs/explanation/networks.md)
  bool fuse = true;
  /// false, where fuse is false, too: not even the affine pass, so BatchNorms are launches of their own. For comparisons.
  bool fold = true;
  bool blocks =
      true;  ///< false: a kernel a convolution: no residual or inverted blocks, stem or gates
};

/// What a pass did to the graph, or why it did not.
struct NetworkRemark {
  std::string
      pass;  ///< "affine", "activation", "residual", "blocks", "stem", "gates", "concat", ..
  std::string text;
};

struct FOLDCONV_API NetworkExplanation {
  std::vector<NetworkRemark> remarks;
  std::string to_string() const;  ///< a line each
};

/// The graph that Network::create() makes of `graph`: folded and fused, with its weights. For a look at it, or at what a
/// network's steps compute; a network of it gives the same bits. Errors: as Network::create(), without a device.
FOLDCONV_API Result<Graph> fused(const Graph& graph, const NetworkOptions& options = {});

/// The shape of a plan, and how its inputs come and its outputs go.
struct NetworkPlanOptions {
  /// Images of inputs n, c, h, w. 0: as the model has it; n: 1 where the model leaves it open. n is also of any other
  /// input the first extent where that is open.
  int n = 0, h = 0, w = 0;
  std::vector<Extents> inputs = {};  ///< the extents of all inputs instead
  /// Of inputs n, c, h, w; others are f32 or f16, as input.type says, in the model's order.
  PixelFormat input = {};
  /// Outputs lie in the model's order, dense; f32, or as they are stored.
  enum class Output : std::uint8_t { f32, storage } output = Output::f32;
  /// Names of tensors to be kept until the run ends, for a look at them by tensor().
  std::vector<std::string> keep = {};
  bool keep_all = false;               ///< of all tensors that are there after fusion
  BlockCut cut = BlockCut::automatic;  ///< of residual blocks
  /// sm90: wherever it takes a convolution, or all of a run of blocks; sm80 elsewhere.
  Instructions instructions = Instructions::automatic;
};

/// A step of a plan: a launch, or those of a run of blocks.
struct NetworkStep {
  std::string tensor;                   ///< the name of what it makes
  std::string operation;                ///< "conv", "pool", "stage", "input", "output", ..
  std::vector<LaunchFigures> launches;  ///< by the planner's model
  Instructions instructions = Instructions::sm80;  ///< of convolutions: sm80 or sm90
  std::string instructions_reason;                 ///< why these; "" where there is no convolution
};

struct FOLDCONV_API NetworkPlanExplanation {
  std::vector<NetworkStep> steps;                ///< in order
  std::string device;                            ///< the figures behind floor_us
  Instructions asked = Instructions::automatic;  ///< NetworkPlanOptions::instructions
  std::size_t workspace_bytes = 0;
  std::size_t tensor_bytes = 0;        ///< of all tensors, if none shared its place with another
  std::vector<NetworkRemark> remarks;  ///< which concatenations are no copies, and why others are

  int launches() const noexcept;
  double dram_bytes() const noexcept;  ///< compulsory for these launches
  double flops() const noexcept;
  double floor_us() const noexcept;
  std::string to_string() const;  ///< a line a step, for a terminal
};

/// A tensor of a run that was kept.
struct KeptTensor {
  std::size_t offset = 0;  ///< in the workspace
  DataType dtype = DataType::f16;
  Extents extents;         ///< the model's
  std::vector<int> order;  ///< of the axes in memory, outermost first: 0, 2, 3, 1 is NHWC
};

/// Device pointers of one run, each a multiple of 16 bytes. None may overlap an output or the workspace.
struct NetworkBuffers {
  /// input_bytes(i) each, in the order of the graph's inputs; of fewer images their part.
  std::vector<const void*> inputs = {};
  /// output_bytes(i) each, in the order of the graph's outputs; of fewer images their part.
  std::vector<void*> outputs = {};
  void* workspace = nullptr;  ///< workspace_bytes(); may be null when that is 0
  std::size_t workspace_bytes = 0;
  /// The first so many of the plan's n, with the same bits; 0: all. What lies behind them in outputs is left.
  int images = 0;
};

/// A captured run. Keeps the plan alive; the buffers are the caller's. Movable; launch() may be called from any thread,
/// one at a time.
class FOLDCONV_API CudaGraph {
 public:
  CudaGraph(CudaGraph&&) noexcept;
  CudaGraph& operator=(CudaGraph&&) noexcept;
  ~CudaGraph();

  /// Errors: cuda_error; in checked runs (checked_runs.hpp), invalid_argument: the buffers or weights are no longer there.
  Status launch(cudaStream_t stream = nullptr) const;

 private:
  friend struct host::Internals;
  struct Data;
  explicit CudaGraph(std::unique_ptr<Data> data);
  std::unique_ptr<Data> data_;
};

/// A network bound to a shape. Immutable: run() may be called from any number of threads on any streams, each with a
/// workspace of its own. Keeps the weights alive. Cheap to copy.
class FOLDCONV_API NetworkPlan {
 public:
  /// Launches the plan's kernels on `stream`, and nothing else: no allocation on the device, no synchronisation; may be
  /// captured. The current device must be the plan's. Errors: invalid_argument (another number of buffers, a null
  /// pointer, images outside 1 to n, another device), misaligned, aliasing, workspace_too_small: nothing was launched.
  /// cuda_error: of a launch; the ones before it run, so outputs and workspace are undefined.
  Status run(const NetworkBuffers& buffers, cudaStream_t stream = nullptr) const;

  /// The same launches as one CUDA graph, for these buffers. Errors: as run().
  Result<CudaGraph> capture(const NetworkBuffers& buffers) const;

  int images() const noexcept;  ///< n
  std::size_t inputs() const noexcept;
  std::size_t outputs() const noexcept;
  std::size_t input_bytes(std::size_t index) const noexcept;   ///< 0 outside the range
  std::size_t output_bytes(std::size_t index) const noexcept;  ///< 0 outside the range
  Extents input_extents(std::size_t index) const;    ///< the model's; none outside the range
  Extents output_extents(std::size_t index) const;   ///< the model's; none outside the range
  std::string output_name(std::size_t index) const;  ///< empty outside the range

  std::size_t workspace_bytes() const noexcept;
  /// Errors: invalid_argument: no tensor of the name was kept.
  Result<KeptTensor> tensor(std::string_view name) const;
  const NetworkPlanExplanation& explanation() const noexcept;

  /// Copies only: no NetworkPlan is ever empty.
  NetworkPlan(const NetworkPlan&) = default;
  NetworkPlan& operator=(const NetworkPlan&) = default;

 private:
  friend struct host::Internals;
  struct Data;
  explicit NetworkPlan(std::shared_ptr<const Data> data) : data_(std::move(data)) {}

  std::shared_ptr<const Data> data_;
};

/// A graph, folded and fused, with its weights on the device. Immutable, thread-safe, cheap to copy.
class FOLDCONV_API Network {
 public:
  /// Copies to the current device; synchronous. The graph may go afterwards. Errors: the graph's status();
  /// invalid_argument: no output; unsupported: an operation of a form that no kernel here takes; those of fold(), Conv,
  /// Block and Stage, naming the operation.
  static Result<Network> create(const Graph& graph, const NetworkOptions& options = {});

  /// Chooses kernels, and lays tensors out in one workspace, in which those that are not needed at the same time share
  /// their place. Errors: invalid_argument: extents that the model does not take, or leaves open and `options` do too; a
  /// name to keep that is no tensor or was fused away; unsupported; cuda_error. The current device must be the one of
  /// create(). Costs the host some milliseconds: keep a plan for each shape.
  Result<NetworkPlan> plan(const NetworkPlanOptions& options = {}) const;

  const NetworkExplanation& explanation() const noexcept;

  /// Copies only: no Network is ever empty.
  Network(const Network&) = default;
  Network& operator=(const Network&) = default;

 private:
  friend struct host::Internals;
  struct Data;
  explicit Network(std::shared_ptr<const Data> data) : data_(std::move(data)) {}

  std::shared_ptr<const Data> data_;
};

}  // namespace foldconv
