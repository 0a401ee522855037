// SPDX-License-Identifier: MIT
// The activations a kernel can end in.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "foldconv/status.hpp"

namespace foldconv {

// A function of one value, with its parameter: Activation::relu, Activation::leaky_relu(0.1f).
struct Activation {
  enum class Kind : std::uint8_t {
    none,
    relu,        // max(v, 0); NaN stays NaN
    relu6,       // min(max(v, 0), 6)
    leaky_relu,  // v > 0 ? v : alpha * v
    silu,        // v * sigmoid(v)
    sigmoid,     // 1 / (1 + exp(-v))
    tanh,
    hardswish,  // v * relu6(v + 3) / 6
    gelu,       // v * 0.5 * (1 + erf(v / sqrt(2))): the exact form, not the tanh one
  };
  static constexpr float kDefaultAlpha = 0.01f;  // as in PyTorch and ONNX

  Kind kind = Kind::none;
  float alpha = kDefaultAlpha;  // slope of leaky_relu below 0; other kinds do not read it

  static const Activation none, relu, relu6, silu, sigmoid, tanh, hardswish, gelu;
  static constexpr Activation leaky_relu(float alpha = kDefaultAlpha) {
    return {Kind::leaky_relu, alpha};
  }

  // The same function: an alpha that is not read does not count.
  friend constexpr bool operator==(const Activation& a, const Activation& b) {
    return a.kind == b.kind && (a.kind != Kind::leaky_relu || a.alpha == b.alpha);
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

inline constexpr int kActivationCount = 9;  // kinds

// "relu6"; "unknown" outside the enum.
FOLDCONV_API const char* to_string(Activation::Kind kind) noexcept;
// "relu6", "leaky_relu(0.125)"
FOLDCONV_API std::string to_string(const Activation& activation);
// What to_string() writes; "leaky_relu" alone has the default alpha. Errors: invalid_argument.
FOLDCONV_API Result<Activation> parse_activation(std::string_view text);

}  // namespace foldconv
