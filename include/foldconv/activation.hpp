// SPDX-License-Identifier: MIT
/// @file
/// The activations a kernel can end in.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "foldconv/status.hpp"

namespace foldconv {

/// A function of one value, with its parameters: Activation::relu, Activation::leaky_relu(0.1f), Activation::clip(-1, 1).
struct Activation {
  enum class Kind : std::uint8_t {
    none,
    relu,        ///< max(v, 0); NaN stays NaN
    relu6,       ///< min(max(v, 0), 6)
    leaky_relu,  ///< v > 0 ? v : alpha * v
    silu,        ///< v * sigmoid(v)
    sigmoid,     ///< 1 / (1 + exp(-v))
    tanh,
    hardswish,     ///< v * relu6(v + 3) / 6
    gelu,          ///< v * 0.5 * (1 + erf(v / sqrt(2))): the exact form, not the tanh one
    hard_sigmoid,  ///< max(0, min(1, alpha * v + beta))
    clip,          ///< min(max(v, alpha), beta)
  };
  /// As in ONNX; leaky_relu's as in PyTorch, too.
  static constexpr float kDefaultAlpha = 0.01f;
  static constexpr float kHardSigmoidAlpha = 0.2f, kHardSigmoidBeta = 0.5f;  ///< As in ONNX.

  Kind kind = Kind::none;
  /// Slope of leaky_relu below 0 and of hard_sigmoid; clip's lower limit. What a kind does not read does not count.
  float alpha = kDefaultAlpha;
  float beta = kHardSigmoidBeta;  ///< hard_sigmoid at 0; clip's upper limit

  static const Activation none, relu, relu6, silu, sigmoid, tanh, hardswish, gelu;
  static constexpr Activation leaky_relu(float alpha = kDefaultAlpha) {
    return {Kind::leaky_relu, alpha};
  }
  static constexpr Activation hard_sigmoid(float alpha = kHardSigmoidAlpha,
                                           float beta = kHardSigmoidBeta) {
    return {Kind::hard_sigmoid, alpha, beta};
  }
  /// The limits may be infinite.
  static constexpr Activation clip(float low, float high) { return {Kind::clip, low, high}; }

  /// How many of alpha and beta a kind reads.
  static constexpr int parameters(Kind kind) {
    if (kind == Kind::hard_sigmoid || kind == Kind::clip) return 2;
    return kind == Kind::leaky_relu ? 1 : 0;
  }

  /// The same function: a parameter that is not read does not count.
  friend constexpr bool operator==(const Activation& a, const Activation& b) {
    const int count = parameters(a.kind);
    return a.kind == b.kind && (count < 1 || a.alpha == b.alpha) && (count < 2 || a.beta == b.beta);
  }
};
inline constexpr Activation Activation::none = {Kind::none};
inline constexpr Activation Activation::relu = {Kind::relu};
inline constexpr Activation Activation::relu6 = {Kind::relu6};
inline constexpr Activation Activation::silu = {Kind::silu};
inline constexpr Activation Activation::sigmoid = {Kind::sigmoid};
inline constexpr Activation Activation::tanh = {Kind::tanh};
inline constexpr Activation Activation::hardswish = {Kind::hardswish};
inline constexpr Activation Activation::gelu = {Kind::gelu};

inline constexpr int kActivationCount = 11;  ///< How many kinds there are.

/// "relu6"; "unknown" outside the enum.
FOLDCONV_API const char* to_string(Activation::Kind kind) noexcept;
/// "relu6", "leaky_relu(0.125)", "clip(-1,1)"
FOLDCONV_API std::string to_string(const Activation& activation);
/// What to_string() writes; a name alone has the default parameters, "clip" infinite limits. Errors: invalid_argument.
FOLDCONV_API Result<Activation> parse_activation(std::string_view text);

}  // namespace foldconv
