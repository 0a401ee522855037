// SPDX-License-Identifier: MIT
// The activations a kernel can end in.
#pragma once

#include <cstdint>
#include <string_view>

#include "foldconv/status.hpp"

namespace foldconv {

enum class Activation : std::uint8_t {
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
inline constexpr int kActivationCount = 9;

FOLDCONV_API const char* to_string(
    Activation activation) noexcept;  // "relu6"; "unknown" outside the enum
FOLDCONV_API Result<Activation> parse_activation(std::string_view name);

}  // namespace foldconv
