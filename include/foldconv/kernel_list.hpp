// SPDX-License-Identifier: MIT
/// @file
/// What was compiled into the library.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "foldconv/tensor.hpp"

namespace foldconv {

enum class KernelFamily : std::uint8_t {
  conv,       ///< convolution on tensor cores, of narrow groups and gated x, too
  joined,     ///< 1x1 over two tensors, on tensor cores: part of a block
  tail,       ///< a block's 3x3 and last 1x1, and the next block's first
  whole,      ///< a bottleneck block
  stem,       ///< a network's first convolution, with its max-pool: reads pixels
  inverted,   ///< an inverted residual block
  direct,     ///< any convolution, without tensor cores
  pointwise,  ///< batch_norm, add, activate
  layer,      ///< what a network needs besides: pools, gates, softmax, broadcasts, copies, pixels
  depthwise,  ///< convolution of each channel by a filter of its own, without tensor cores
};
FOLDCONV_API const char* to_string(KernelFamily family) noexcept;

struct KernelInfo {
  std::string_view name;  ///< as explanations and PlanOptions::kernel have it; lives forever
  KernelFamily family = KernelFamily::conv;
  DataType dtype = DataType::f16;
  int capability =
      0;  ///< compute capability times 10: the oldest device that runs it; 90: no other one
};

/// Every kernel, in the order in which selection tries those of a family and data type. Needs no device.
FOLDCONV_API std::span<const KernelInfo> kernel_list() noexcept;

/// The direct kernel for `dtype`, to pin by PlanOptions::kernel; "" for a value outside the enum.
FOLDCONV_API std::string_view direct_kernel(DataType dtype) noexcept;

}  // namespace foldconv
