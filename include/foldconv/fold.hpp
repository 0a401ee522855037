// SPDX-License-Identifier: MIT
/// @file
/// Folding BatchNorm into the convolution before it.
///
///     y = act(gamma * (conv(x, w) + b - mean) / sqrt(variance + eps) + beta)
///       = act(conv(x, w * scale) + shift)
///     scale = gamma / sqrt(variance + eps),   shift = (b - mean) * scale + beta
///
/// (Ioffe and Szegedy, "Batch Normalization", 2015, algorithm 2.) Computed in double for each output
/// channel and rounded once, at the end. Host code only: no device is needed.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "foldconv/status.hpp"
#include "foldconv/tensor.hpp"

namespace foldconv {

namespace host {
struct Internals;  // the library's own way to what FoldedConv, Conv, Block and their plans hold
}

/// Weights as frameworks store them. The spans are read during the call only.
struct ConvWeights {
  std::span<const float> values;     ///< KCRS, dense: k * c_per_group * r * s elements
  int k = 0;                         ///< output channels, over all groups
  int c_per_group = 0;               ///< input channels / groups
  int r = 1, s = 1;                  ///< kernel height and width
  std::span<const float> bias = {};  ///< k elements, or empty: no bias
};

/// BatchNorm's eps. It has no default on purpose: frameworks differ (1e-5, 1e-3, ...) and a wrong
/// one is silent.
struct Epsilon {
  explicit Epsilon(double eps) : value(eps) {}
  double value;
};

/// Inference-time BatchNorm over k channels. The spans are read during the call only.
struct BatchNorm {
  std::span<const float> gamma = {};  ///< k elements, or empty: 1
  std::span<const float> beta = {};   ///< k elements, or empty: 0
  std::span<const float> mean;        ///< k elements, required: running mean
  std::span<const float> variance;  ///< k elements, required: running variance, variance + eps > 0
  Epsilon eps;
};

/// Where the factor `scale` of a channel is applied.
enum class ScalePlacement {
  /// In the fp32 epilogue when all weights are already exact in the storage type (they came from a
  /// 16-bit checkpoint: rounding them again would cost 3-8 times the error), and for each channel
  /// whose folded weights would overflow or become subnormal in the storage type, unless the given
  /// weights fare worse there; otherwise in the weights. Without BatchNorm there is no scale to
  /// place.
  automatic,
  weights,   ///< in the weights; channels that leave the storage type's range are an error
  epilogue,  ///< always in the epilogue: stored weights are the given ones, rounded once
};

struct FoldOptions {
  DataType dtype = DataType::f16;  ///< storage type of the folded weights
  ScalePlacement placement = ScalePlacement::automatic;
};

/// What folding did to one output channel that is worth a look.
struct ChannelReport {
  int channel = 0;
  double scale = 1;  ///< gamma / sqrt(variance + eps)
  bool scale_in_epilogue = false;
  /// Wherever the scale is placed: weights for which |w * scale| would round to infinity in the
  /// storage type.
  int weights_out_of_range = 0;
  /// Likewise: for which it is not 0 but below the type's smallest normal number.
  int weights_subnormal = 0;
  bool negative_variance = false;  ///< variance < 0, yet variance + eps > 0
  bool zero_gamma = false;         ///< the channel is the constant beta
  bool large_scale = false;        ///< |scale| > kLargeScale
};

/// |scale| above this is listed: such a channel has next to no variance and amplifies rounding
/// errors.
inline constexpr double kLargeScale = 1e3;

struct FOLDCONV_API FoldReport {
  std::vector<ChannelReport> channels;  ///< only channels with something to say, ascending
  int channels_out_of_range = 0;
  int channels_subnormal = 0;
  int channels_scaled_in_epilogue = 0;  ///< all of them, listed above or not
  bool weights_exact = false;           ///< the given weights were exact in the storage type

  std::string summary() const;  ///< one line, "" if there is nothing to say
};

/// A convolution with BatchNorm folded in, on the host. Another type than ConvWeights, so that it
/// cannot be folded twice. Cheap to copy (shared, immutable).
class FOLDCONV_API FoldedConv {
 public:
  DataType dtype() const noexcept;
  int k() const noexcept;
  int c_per_group() const noexcept;
  int r() const noexcept;
  int s() const noexcept;
  /// KCRS, values exact in dtype().
  std::span<const float> weights() const noexcept;
  /// k elements, applied to the fp32 sum; 1 where the weights carry it.
  std::span<const float> scale() const noexcept;
  /// k elements, added after the scale.
  std::span<const float> bias() const noexcept;
  const FoldReport& report() const noexcept;

  /// Copies only: no FoldedConv is ever empty.
  FoldedConv(const FoldedConv&) = default;
  FoldedConv& operator=(const FoldedConv&) = default;

 private:
  friend struct host::Internals;
  struct Data;
  explicit FoldedConv(std::shared_ptr<const Data> data) : data_(std::move(data)) {}

  std::shared_ptr<const Data> data_;
};

/// Folds. Without `batch_norm` the conv keeps its own bias (0 if it has none) and scale 1.
/// Errors (invalid_argument): sizes < 1 or spans of another length, missing statistics, NaN or
/// infinity anywhere, eps not finite or negative, variance + eps <= 0 (names the channel and the
/// value), a scale or shift outside fp32, weights that overflow the storage type where they are
/// placed (with ScalePlacement::automatic: wherever). Thread-safe; allocates host memory.
FOLDCONV_API Result<FoldedConv> fold(const ConvWeights& weights,
                                     const std::optional<BatchNorm>& batch_norm,
                                     const FoldOptions& options = {});

}  // namespace foldconv
