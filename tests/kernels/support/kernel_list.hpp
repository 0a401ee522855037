// SPDX-License-Identifier: MIT
// The compiled kernels, as arrays to parametrise tests with. Those of blocks: host::tail_kernels() and so on.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "catalog/registry.hpp"
#include "foldconv/tensor.hpp"
#include "tile/conv_tile.hpp"

namespace foldconv::kernel_tests {

struct ConvKernel {
  std::string_view name;
  ConvLoader loader;
  DataType dtype;
  ConvTile tile;
};

struct DirectKernel {
  std::string_view name;
  DataType dtype;
};

inline const std::vector<ConvKernel> kConvKernels = [] {
  std::vector<ConvKernel> kernels;
  for (const host::ConvKernel& kernel : host::conv_kernels()) {
    if (kernel.direct()) continue;
    kernels.push_back({kernel.name, kernel.loader, kernel.dtype, *kernel.tile});
  }
  return kernels;
}();

inline const std::vector<DirectKernel> kDirectKernels = [] {
  std::vector<DirectKernel> kernels;
  for (const host::ConvKernel& kernel : host::conv_kernels()) {
    if (kernel.direct()) kernels.push_back({kernel.name, kernel.dtype});
  }
  return kernels;
}();

// For gtest's messages and test names.
inline std::ostream& operator<<(std::ostream& out, const ConvKernel& kernel) {
  return out << kernel.name;
}
inline std::ostream& operator<<(std::ostream& out, const DirectKernel& kernel) {
  return out << kernel.name;
}
inline constexpr auto kKernelName = [](const auto& info_of_test) {
  return std::string(info_of_test.param.name);
};

}  // namespace foldconv::kernel_tests
