// SPDX-License-Identifier: MIT
// The compiled kernels, as arrays to parametrise tests with. Those of blocks: host::tail_kernels() and so on.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "catalog/registry.hpp"

namespace foldconv::host {

// For gtest's messages.
inline std::ostream& operator<<(std::ostream& out, const ConvKernel& kernel) {
  return out << kernel.name;
}

}  // namespace foldconv::host

namespace foldconv::kernel_tests {

using host::ConvKernel;

inline std::vector<ConvKernel> conv_kernels(bool direct) {
  std::vector<ConvKernel> kernels(host::conv_kernels().begin(), host::conv_kernels().end());
  std::erase_if(kernels, [direct](const ConvKernel& one) { return one.direct() != direct; });
  return kernels;
}
inline const std::vector<ConvKernel> kConvKernels = conv_kernels(false);  // on tensor cores
inline const std::vector<ConvKernel> kDirectKernels = conv_kernels(true);

// For test names.
inline constexpr auto kKernelName = [](const auto& info_of_test) {
  return std::string(info_of_test.param.name);
};

}  // namespace foldconv::kernel_tests
