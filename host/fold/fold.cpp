// SPDX-License-Identifier: MIT
// y = act(conv(x, w * scale) + shift): see include/foldconv/fold.hpp.
#include "foldconv/fold.hpp"

#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "base/text.hpp"
#include "fold/fold_checks.hpp"
#include "fold/folded_conv.hpp"

namespace foldconv {

using host::error;
using host::guarded;
using host::guarded_text;
using host::invalid;
using host::text;

namespace {

double smallest_normal(DataType dtype) {
  return dtype == DataType::f16 ? 0x1p-14 : 0x1p-126;  // bf16 has f32's exponents
}

// Magnitudes from here on are rounded to infinity: half a unit above the largest number, which ties to even leave.
double first_out_of_range(DataType dtype) {
  switch (dtype) {
    case DataType::f16:
      return 0x1.ffep15;
    case DataType::bf16:
      return 0x1.ffp127;
    case DataType::f32:
      break;
  }
  return 0x1.ffffffp127;
}

bool exact_in(DataType dtype, std::span<const float> values) {
  return std::ranges::all_of(values, [&](float v) { return round_to(dtype, v) == v; });
}

// BatchNorm of one channel as y = scale * conv + shift.
struct Affine {
  double scale = 1;
  double shift = 0;
};

Affine affine(const ConvWeights& weights, const std::optional<BatchNorm>& batch_norm,
              std::size_t channel) {
  const double conv_bias = weights.bias.empty() ? 0.0 : weights.bias[channel];
  if (!batch_norm) return {1.0, conv_bias};
  const BatchNorm& bn = *batch_norm;
  const double gamma = bn.gamma.empty() ? 1.0 : bn.gamma[channel];
  const double beta = bn.beta.empty() ? 0.0 : bn.beta[channel];
  const double scale = gamma / std::sqrt(double{bn.variance[channel]} + bn.eps.value);
  return {scale, (conv_bias - bn.mean[channel]) * scale + beta};
}

Status check_fp32(double value, const char* name, std::size_t channel) {
  if (std::isfinite(static_cast<float>(value))) return {};
  return invalid(text("the folded ", name, " of channel ", channel, " overflows fp32"),
                 text(name, " = ", value),
                 "repair the channel's statistics: its variance is next to 0 for its gamma");
}

// What is lost when the weights of a channel, times a scale, are stored.
struct Loss {
  int out_of_range = 0;
  int subnormal = 0;

  bool none() const { return out_of_range == 0 && subnormal == 0; }
  bool operator<(const Loss& other) const {
    return out_of_range != other.out_of_range ? out_of_range < other.out_of_range
                                              : subnormal < other.subnormal;
  }
};

Loss loss_of(DataType dtype, std::span<const float> weights, double scale) {
  Loss loss;
  const double too_large = first_out_of_range(dtype), too_small = smallest_normal(dtype);
  for (const float weight : weights) {
    const double product = std::abs(weight * scale);
    if (product >= too_large) ++loss.out_of_range;
    // A product of two numbers other than 0 may underflow to 0 in double.
    if (weight != 0 && scale != 0 && product < too_small) ++loss.subnormal;
  }
  return loss;
}

Status overflow(DataType dtype, std::span<const float> weights, double stored_scale,
                std::size_t channel, ScalePlacement placement) {
  double largest = 0;
  for (const float weight : weights) largest = std::max(largest, std::abs(weight * stored_scale));
  return invalid(
      text("weights of channel ", channel, " overflow ", to_string(dtype)),
      text("largest magnitude ", largest, ", scale ", stored_scale),
      placement == ScalePlacement::automatic
          ? "store the weights as bf16 or f32"
          : "place the scale with ScalePlacement::automatic, or store the weights as bf16 or f32");
}

// Whether the stored weights are the given ones, and the scale goes to the epilogue.
bool choose_epilogue(const FoldOptions& options, bool weights_exact, double scale,
                     const Loss& folded, const Loss& given) {
  switch (options.placement) {
    case ScalePlacement::weights:
      return false;
    case ScalePlacement::epilogue:
      return true;
    case ScalePlacement::automatic:
      break;
  }
  if (scale == 0) return false;  // weights of 0 are exact
  if (weights_exact) return true;
  return !folded.none() && !(folded < given);
}

// Appends a channel to `data`: its weights, scale, bias and what the report has to say.
Status fold_channel(std::span<const float> given, Affine channel_affine,
                    const std::optional<BatchNorm>& batch_norm, const FoldOptions& options,
                    host::FoldedConvData& data) {
  const std::size_t channel = data.bias.size();
  const auto [scale, shift] = channel_affine;
  if (Status status = check_fp32(scale, "scale", channel); !status.ok()) return status;
  if (Status status = check_fp32(shift, "shift", channel); !status.ok()) return status;

  const DataType dtype = options.dtype;
  FoldReport& report = data.report;
  const Loss folded_loss = loss_of(dtype, given, scale);
  const Loss given_loss = loss_of(dtype, given, 1.0);
  const bool in_epilogue =
      batch_norm && choose_epilogue(options, report.weights_exact, scale, folded_loss, given_loss);
  const double stored_scale = in_epilogue ? 1.0 : scale;
  if ((in_epilogue ? given_loss : folded_loss).out_of_range > 0) {
    return overflow(dtype, given, stored_scale, channel, options.placement);
  }
  for (const float weight : given) data.weights.push_back(round_to(dtype, weight * stored_scale));
  data.scale.push_back(in_epilogue ? static_cast<float>(scale) : 1.0f);
  data.bias.push_back(static_cast<float>(shift));

  const ChannelReport entry = {
      .channel = static_cast<int>(channel),
      .scale = scale,
      .scale_in_epilogue = in_epilogue,
      .weights_out_of_range = folded_loss.out_of_range,
      .weights_subnormal = folded_loss.subnormal,
      .negative_variance =
          batch_norm &&
          batch_norm->variance[channel]<0, .zero_gamma = scale == 0, .large_scale = std::abs(scale)>
              kLargeScale};
  report.channels_out_of_range += entry.weights_out_of_range > 0;
  report.channels_subnormal += entry.weights_subnormal > 0;
  report.channels_scaled_in_epilogue += in_epilogue;
  if (!folded_loss.none() || entry.negative_variance || entry.zero_gamma || entry.large_scale) {
    report.channels.push_back(entry);
  }
  return {};
}

}  // namespace

DataType FoldedConv::dtype() const noexcept {
  return data_->dtype;
}
int FoldedConv::k() const noexcept {
  return data_->k;
}
int FoldedConv::c_per_group() const noexcept {
  return data_->c_per_group;
}
int FoldedConv::r() const noexcept {
  return data_->r;
}
int FoldedConv::s() const noexcept {
  return data_->s;
}
std::span<const float> FoldedConv::weights() const noexcept {
  return data_->weights;
}
std::span<const float> FoldedConv::scale() const noexcept {
  return data_->scale;
}
std::span<const float> FoldedConv::bias() const noexcept {
  return data_->bias;
}
const FoldReport& FoldedConv::report() const noexcept {
  return data_->report;
}

Result<FoldedConv> fold(const ConvWeights& weights, const std::optional<BatchNorm>& batch_norm,
                        const FoldOptions& options) {
  return guarded([&]() -> Result<FoldedConv> {
    const DataType dtype = options.dtype;
    if (Status status = host::check_fold_options(options); !status.ok()) return status;
    if (Status status = host::check_weights(weights, dtype); !status.ok()) return status;
    if (batch_norm) {
      if (Status status = host::check_batch_norm(*batch_norm, weights.k); !status.ok())
        return status;
    }

    auto data = std::make_shared<host::FoldedConvData>();
    data->dtype = dtype;
    data->k = weights.k;
    data->c_per_group = weights.c_per_group;
    data->r = weights.r;
    data->s = weights.s;
    data->weights.reserve(weights.values.size());
    data->scale.reserve(static_cast<std::size_t>(weights.k));
    data->bias.reserve(static_cast<std::size_t>(weights.k));
    data->report.weights_exact = exact_in(dtype, weights.values);

    const auto channels = static_cast<std::size_t>(weights.k);
    const std::size_t per_channel = weights.values.size() / channels;
    for (std::size_t channel = 0; channel < channels; ++channel) {
      const auto given = weights.values.subspan(channel * per_channel, per_channel);
      Status status =
          fold_channel(given, affine(weights, batch_norm, channel), batch_norm, options, *data);
      if (!status.ok()) return status;
    }
    return host::Internals::make<FoldedConv>(std::move(data));
  });
}

std::string FoldReport::summary() const {
  return guarded_text([&] {
    const auto listed = [&](auto condition) { return std::ranges::count_if(channels, condition); };
    const struct {
      std::ptrdiff_t count;
      const char* meaning;
    } parts[] = {
        {channels_out_of_range, "would leave the storage type's range"},
        {channels_subnormal, "would have subnormal weights"},
        {listed(&ChannelReport::negative_variance), "with a negative variance"},
        {listed(&ChannelReport::zero_gamma), "with gamma 0"},
        {listed(&ChannelReport::large_scale), "with a very large scale"},
        {channels_scaled_in_epilogue, "scaled in the epilogue"},
    };
    std::string line;
    for (const auto& part : parts) {
      if (part.count == 0) continue;
      line += text(line.empty() ? "channels: " : ", ", part.count, " ", part.meaning);
    }
    return line;
  });
}

}  // namespace foldconv
