// SPDX-License-Identifier: MIT
#include "fold/fold_checks.hpp"

#include <cmath>
#include <cstdint>

#include "base/enum_checks.hpp"
#include "base/error.hpp"
#include "base/sizes.hpp"
#include "base/text.hpp"

namespace foldconv::host {
namespace {

Status check_finite(std::span<const float> values, const char* name, std::size_t per_channel) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::isfinite(values[i])) continue;
    return invalid(text(name, " is not finite in channel ", i / per_channel),
                   text(name, "[", i, "] = ", values[i]),
                   "repair the checkpoint, or how it is read");
  }
  return {};
}

Status check_length(std::span<const float> values, const char* name, std::int64_t expected,
                    std::string_view meaning) {
  if (static_cast<std::int64_t>(values.size()) != expected) {
    return invalid(text(name, " has the wrong length"), text(values.size(), " elements"),
                   text("pass ", meaning, " = ", expected));
  }
  if (values.data() == nullptr) {
    return invalid("null pointer", text(name, ".data() = null"),
                   text("pass ", expected, " elements"));
  }
  return {};
}

Status check_channels(std::span<const float> values, const char* name, int k) {
  if (Status status = check_length(values, name, k, "one for each output channel, k"); !status.ok())
    return status;
  return check_finite(values, name, 1);
}

}  // namespace

Status check_fold_options(const FoldOptions& options) {
  if (Status status = check_data_type(options.dtype); !status.ok()) return status;
  switch (options.placement) {
    case ScalePlacement::automatic:
    case ScalePlacement::weights:
    case ScalePlacement::epilogue:
      return {};
  }
  return invalid("unknown placement of the scale",
                 text("static_cast<ScalePlacement>(", static_cast<int>(options.placement), ")"),
                 "use automatic, weights or epilogue");
}

Status check_weights(const ConvWeights& weights, DataType dtype) {
  const struct {
    const char* name;
    int value;
  } sizes[] = {
      {"k", weights.k}, {"c_per_group", weights.c_per_group}, {"r", weights.r}, {"s", weights.s}};
  for (const auto& size : sizes) {
    if (size.value >= 1) continue;
    return invalid(text("ConvWeights::", size.name, " must be at least 1"),
                   text(size.name, " = ", size.value), "give the filter's sizes in elements");
  }
  const auto elements = checked_product({weights.k, weights.c_per_group, weights.r, weights.s,
                                         static_cast<std::int64_t>(size_of(dtype))});
  const std::string product = text("k * c_per_group * r * s = ", weights.k, " * ",
                                   weights.c_per_group, " * ", weights.r, " * ", weights.s);
  if (!elements) return invalid("the weights are 2^63 bytes or more", product, "use smaller sizes");

  const std::int64_t per_channel = std::int64_t{weights.c_per_group} * weights.r * weights.s;
  if (Status status =
          check_length(weights.values, "weights.values", weights.k * per_channel, product);
      !status.ok()) {
    return status;
  }
  if (Status status =
          check_finite(weights.values, "weights.values", static_cast<std::size_t>(per_channel));
      !status.ok()) {
    return status;
  }
  return weights.bias.empty() ? Status() : check_channels(weights.bias, "weights.bias", weights.k);
}

Status check_batch_norm(const BatchNorm& batch_norm, int k) {
  const struct {
    const char* name;
    std::span<const float> values;
    bool required;
  } arrays[] = {{"batch_norm.gamma", batch_norm.gamma, false},
                {"batch_norm.beta", batch_norm.beta, false},
                {"batch_norm.mean", batch_norm.mean, true},
                {"batch_norm.variance", batch_norm.variance, true}};
  for (const auto& array : arrays) {
    if (array.values.empty() && array.required) {
      return invalid("running statistics are missing", text(array.name, " is empty"),
                     "pass the running mean and variance of training; batch statistics are never "
                     "used instead");
    }
    if (array.values.empty()) continue;
    if (Status status = check_channels(array.values, array.name, k); !status.ok()) return status;
  }
  const double eps = batch_norm.eps.value;
  if (!std::isfinite(eps) || eps < 0) {
    return invalid("eps must be finite and at least 0", text("eps = ", eps),
                   "pass the eps that the network was trained with, such as 1e-5");
  }
  for (std::size_t channel = 0; channel < batch_norm.variance.size(); ++channel) {
    const double variance = batch_norm.variance[channel];
    if (variance + eps > 0) continue;
    return invalid(
        text("variance + eps must be above 0 in channel ", channel),
        text("variance = ", variance, ", eps = ", eps, ", sum = ", variance + eps),
        "repair the running variance, or pass the eps that the network was trained with");
  }
  return {};
}

}  // namespace foldconv::host
