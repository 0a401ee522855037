// SPDX-License-Identifier: MIT
/// @file
/// Convolution + scale/bias + residual + activation as one kernel.
///
/// Cross-correlation, as in all frameworks:
///
///     y[n,p,q,k] = act(scale[k] * sum_{r,s,c} x[n,h,w,g*C/groups + c] * w[k,r,s,c]
///                      + bias[k] + residual[n,p,q,k])
///     h = p*stride.h - pad.top + r*dilation.h,   w = q*stride.w - pad.left + s*dilation.w,
///     g = the group of k
///
/// with x read as 0 outside the image. Products and sums in fp32, one rounding at the store. A 1x1 may read x times a gate,
/// a number for each image and channel, instead of x: the product is rounded once to the storage type.
#pragma once

#include <cuda_runtime_api.h>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "foldconv/activation.hpp"
#include "foldconv/cost.hpp"
#include "foldconv/fold.hpp"
#include "foldconv/status.hpp"
#include "foldconv/tensor.hpp"

namespace foldconv {

struct Extent {
  int h = 1, w = 1;
  friend bool operator==(const Extent&, const Extent&) = default;
};

/// Rows and columns of zeros around the image. A negative value crops the image instead.
struct Padding {
  int top = 0, bottom = 0, left = 0, right = 0;

  /// As much on all four sides: 1 keeps the size of an image under a 3x3.
  static constexpr Padding same(int pixels) { return {pixels, pixels, pixels, pixels}; }
  /// `h` rows above and below, `w` columns left and right.
  static constexpr Padding symmetric(int h, int w) { return {h, h, w, w}; }

  friend bool operator==(const Padding&, const Padding&) = default;
};

/// Elements from a pixel to the next of tensors that are parts of the channels of others, such as what a concatenation puts
/// together; 0: the tensor's own channels, for a tensor lies dense. Rows and images follow each other without gaps. A
/// pitch is at least the channels and, where it is more, a multiple of 16 bytes; the pointer of a run is to the part's
/// first channel, 16-byte aligned as ever.
struct Pitches {
  int x = 0, residual = 0, y = 0;
  friend bool operator==(const Pitches&, const Pitches&) = default;
};

/// One convolution. Sizes count elements; dilation counts from 1 (1: dense kernel).
struct FOLDCONV_API ConvProblem {
  DataType dtype = DataType::f16;  ///< of x, weights, residual and y
  int n = 1, h = 0, w = 0, c = 0;  ///< x: NHWC
  int k = 0, r = 1, s = 1;         ///< w: k output channels, r x s taps
  Extent stride = {1, 1};
  Padding pad = {};
  Extent dilation = {1, 1};
  int groups = 1;  ///< divides c and k; c == groups: depthwise
  Activation activation = Activation::none;
  bool residual = false;  ///< add a tensor of y's shape before the activation
  Pitches pitch = {};
  /// x is multiplied by a tensor n, 1, 1, c first, as squeeze and excite does, and rounded once: the bits of that product as a
  /// tensor of its own. For 1x1 filters at stride 1 without padding and groups.
  bool gate = false;

  /// Output height: (h + pad.top + pad.bottom - dilation.h * (r - 1) - 1) / stride.h + 1, at least 1 in
  /// a valid problem.
  int p() const noexcept;
  int q() const noexcept;  ///< output width, likewise
  Shape input() const noexcept { return {n, h, w, c}; }
  Shape output() const noexcept { return {n, p(), q(), k}; }
  double flops() const noexcept;  ///< 2 * n*p*q * k * r*s * c/groups, padding counted

  friend bool operator==(const ConvProblem&, const ConvProblem&) = default;
};

/// The input of one run: NHWC, channels as the weights say.
struct Images {
  int n = 1, h = 0, w = 0;
};

/// A convolution but for its images and weights; as in ConvProblem.
struct ConvOptions {
  Extent stride = {1, 1};
  Padding pad = {};
  Extent dilation = {1, 1};
  int groups = 1;
  Activation activation = Activation::none;
  bool residual = false;
  Pitches pitch = {};
  bool gate = false;
};

/// ok, or the first rule that the problem breaks. Needs no device.
FOLDCONV_API Status validate(const ConvProblem& problem);

/// One line such as "n1 56x56x64 -> 56x56x64 3x3 s1 p1 f16 relu".
FOLDCONV_API std::string to_string(const ConvProblem& problem);

/// The family of tensor-core instructions that a convolution is computed by. Families round sums differently: inside of
/// one, all tiles, cuts and batch sizes give the same bits.
enum class Instructions : std::uint8_t {
  /// sm80, until a chip has confirmed the sm_90 kernels. The choice depends on channels, filter, stride, padding, dilation,
  /// groups and data type alone, never on the images.
  automatic,
  sm80,  ///< mma.sync, and kernels without tensor cores: any device of compute capability 8.0 or later
  sm90,  ///< wgmma and tensor copies: compute capability 9.0 alone. Not confirmed by a chip yet
};
FOLDCONV_API const char* to_string(
    Instructions instructions) noexcept;  ///< "automatic", "sm80", "sm90"
/// What to_string() writes. Errors: invalid_argument.
FOLDCONV_API Result<Instructions> parse_instructions(std::string_view name);

struct PlanOptions {
  /// Pins a kernel by its name (see explain()); empty: the least time by the model.
  std::string_view kernel = {};
  /// `automatic` with a pinned kernel: that kernel's. sm90 for a problem or a device that it does not take is an error.
  Instructions instructions = Instructions::automatic;
};

/// Why a kernel was not taken.
struct Refusal {
  std::string kernel;
  /// The rule that failed, the value, and the nearest legal value where there is one; or what it takes by the model.
  std::string reason;
  double floor_us = 0;  ///< by the model, where that is why; else 0
};

/// What plan() decides, and why.
struct FOLDCONV_API Explanation {
  std::string kernel;  ///< e.g. conv_rxs_f16_128x64x64_st3_sm80
  std::string reason;  ///< why this kernel: what its tile is for, and its time
  Instructions instructions = Instructions::sm80;  ///< of the kernel: sm80 or sm90
  std::string instructions_reason;                 ///< why these
  std::uint32_t grid = 0;                          ///< CTAs
  std::uint32_t threads = 0;                       ///< per CTA
  std::size_t shared_bytes = 0;                    ///< per CTA
  int registers = 0;                               ///< per thread, as compiled for this device
  int ctas_per_sm = 0;  ///< resident, from registers, threads and shared memory
  double waves = 0;     ///< grid, or the tiles of CTAs that take several, / (ctas_per_sm * SMs)
  std::size_t workspace_bytes = 0;
  LaunchCost cost = {};               ///< by the model of cost.hpp
  double floor_us = 0;                ///< floor_seconds() of the cost
  CostTerm limit = CostTerm::launch;  ///< what it is: limit_of() the cost
  /// Every other kernel of these instructions for the dtype, in the catalog's order.
  std::vector<Refusal> refused;

  std::string to_string() const;  ///< several lines, for a terminal
};

/// The choice for `problem` on the current device, without weights. Pure function of problem,
/// options and device.
FOLDCONV_API Result<Explanation> explain(const ConvProblem& problem,
                                         const PlanOptions& options = {});

/// Device pointers of one run. Every one is 16-byte aligned and lives on the plan's device.
struct ConvBuffers {
  const void* x = nullptr;  ///< NHWC, ConvProblem::input()
  /// NPQK, ConvProblem::output(); null exactly when the problem has no residual. May be y itself (added in place, with the
  /// same pitch), may share no element with y otherwise.
  const void* residual = nullptr;
  /// NPQK, ConvProblem::output(); may share no element with x. Parts of the channels of one tensor share none.
  void* y = nullptr;
  /// ConvPlan::workspace_bytes(); may be null when that is 0. May not overlap the others.
  void* workspace = nullptr;
  std::size_t workspace_bytes = 0;
  /// The first so many of the problem's n, with the same bits; 0: all. The buffers may end behind them.
  int images = 0;
  /// n, c in the problem's dtype, dense; null exactly when the problem has no gate. May not overlap y.
  const void* gate = nullptr;
};

/// A problem bound to weights and a kernel. Immutable: run() may be called from any number of
/// threads on any streams. Keeps the device weights alive, for a captured graph too: keep the plan
/// as long as the graph. Cheap to copy.
class FOLDCONV_API ConvPlan {
 public:
  /// Launches one kernel on `stream` and returns; no allocation, no synchronisation; may be captured
  /// into a CUDA graph. The current device must be the plan's. Errors leave y untouched:
  /// invalid_argument (null pointer, another device, images outside 0 to n), misaligned, aliasing,
  /// workspace_too_small, cuda_error.
  Status run(const ConvBuffers& buffers, cudaStream_t stream = nullptr) const;

  std::size_t workspace_bytes() const noexcept;
  const ConvProblem& problem() const noexcept;
  const Explanation& explanation() const noexcept;

  /// Copies only: no ConvPlan is ever empty.
  ConvPlan(const ConvPlan&) = default;
  ConvPlan& operator=(const ConvPlan&) = default;

 private:
  friend struct host::Internals;
  struct Data;
  explicit ConvPlan(std::shared_ptr<const Data> data) : data_(std::move(data)) {}

  std::shared_ptr<const Data> data_;
};

/// Weights, scale and bias on the device, packed once. Immutable and thread-safe; cheap to copy.
class FOLDCONV_API Conv {
 public:
  /// Packs and copies to the current device; synchronous. Errors: invalid_argument (2^31 weights or
  /// more in one output channel), out_of_memory, device_too_old, cuda_error.
  static Result<Conv> create(const FoldedConv& folded);

  /// Chooses a kernel for the convolution of `images`. Every rule on shapes, dtype and device is
  /// checked here. Errors: invalid_argument, unsupported (a pinned kernel, or instructions asked for by name, that
  /// do not take the problem: the reason), cuda_error. The current device must be the one of create(). Costs the host
  /// some microseconds besides the CUDA runtime's calls, and loads a kernel at its first use: where
  /// sizes of images come again, keep a plan for each.
  ///
  ///     conv.plan({.n = 8, .h = 56, .w = 56}, {.pad = Padding::same(1), .activation = Activation::relu})
  Result<ConvPlan> plan(const Images& images, const ConvOptions& options = {},
                        const PlanOptions& plan_options = {}) const;

  /// The same for a whole problem. k, r, s, c/groups and dtype must be those of the weights.
  template <std::same_as<ConvProblem> Problem>  // not for a list in braces: that is `images`
  Result<ConvPlan> plan(const Problem& problem, const PlanOptions& options = {}) const {
    return plan_problem(problem, options);
  }

  /// The problem that plan() makes of its arguments.
  ConvProblem problem(const Images& images, const ConvOptions& options = {}) const noexcept;

  /// Copies only: no Conv is ever empty.
  Conv(const Conv&) = default;
  Conv& operator=(const Conv&) = default;

 private:
  friend struct host::Internals;
  struct Data;
  explicit Conv(std::shared_ptr<const Data> data) : data_(std::move(data)) {}
  Result<ConvPlan> plan_problem(const ConvProblem& problem, const PlanOptions& options) const;

  std::shared_ptr<const Data> data_;
};

}  // namespace foldconv
