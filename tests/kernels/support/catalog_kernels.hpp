// SPDX-License-Identifier: MIT
// The catalog: compiled kernels to parametrise tests with (those of blocks: host::tail_kernels() and so on), and
// the emulator's log of launches in their names.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "catalog/registry.hpp"
#include "cuemu.h"

namespace foldconv::host {

// For gtest's messages.
inline std::ostream& operator<<(std::ostream& out, const ConvKernel& kernel) {
  return out << kernel.name;
}
inline std::ostream& operator<<(std::ostream& out, const Sm90Kernel& kernel) {
  return out << kernel.name;
}

}  // namespace foldconv::host

namespace foldconv::kernel_tests {

using host::ConvKernel;

inline std::vector<ConvKernel> conv_kernels(bool direct) {
  std::vector<ConvKernel> kernels(host::conv_kernels().begin(), host::conv_kernels().end());
  std::erase_if(kernels, [direct](const ConvKernel& one) {
    return direct ? !one.direct() : one.tile == nullptr || one.loader == ConvLoader::load_gated;
  });
  return kernels;
}
inline const std::vector<ConvKernel> kConvKernels =
    conv_kernels(false);  // with tiles of tiles.inc's CONV_TILE, without a gate (gated_test.cpp)
inline const std::vector<ConvKernel> kDirectKernels = conv_kernels(true);
inline const std::vector<ConvKernel> kGroupedKernels = [] {
  std::vector<ConvKernel> kernels(host::conv_kernels().begin(), host::conv_kernels().end());
  std::erase_if(kernels, [](const ConvKernel& one) { return one.grouped == nullptr; });
  return kernels;
}();

// The first with a tile of the loader and type, for tests that any of them will do for.
inline const ConvKernel& first_conv_kernel(ConvLoader loader, DataType dtype = DataType::f16) {
  const auto found = std::ranges::find_if(host::conv_kernels(), [&](const ConvKernel& kernel) {
    return kernel.tile != nullptr && kernel.loader == loader && kernel.dtype == dtype;
  });
  if (found == host::conv_kernels().end()) throw std::runtime_error("no kernel of the loader");
  return *found;
}

// The smallest from 7 on that no depthwise kernel is compiled for.
inline int unknown_depthwise_filter() {
  int filter = 7;
  while (std::ranges::any_of(host::conv_kernels(), [&](const ConvKernel& kernel) {
    return kernel.depthwise != nullptr && kernel.depthwise->filter == filter;
  }))
    filter += 2;
  return filter;
}

// For test names.
inline constexpr auto kKernelName = [](const auto& info_of_test) {
  return std::string(info_of_test.param.name);
};

struct LoggedLaunch {
  std::string kernel;  // "?": none of the catalog
  cuemu_launch launch;
};

// Those since the last cuemu_reset_counters().
inline std::vector<LoggedLaunch> logged_launches() {
  static const std::map<const void*, std::string> names = [] {
    std::map<const void*, std::string> all;
    const auto add = [&](const auto& family) {
      for (const auto& kernel : family) all.emplace(kernel.entry(), kernel.name);
    };
    add(host::conv_kernels());
    add(host::joined_kernels());
    add(host::sm90_kernels());
    add(host::tail_kernels());
    add(host::whole_kernels());
    add(host::stem_kernels());
    add(host::inverted_kernels());
    add(host::pointwise_kernels());
    add(host::layer_kernels());
    return all;
  }();
  std::vector<cuemu_launch> log(cuemu_read_launches(nullptr, 0));
  cuemu_read_launches(log.data(), log.size());
  std::vector<LoggedLaunch> launches;
  for (const cuemu_launch& launch : log) {
    const auto known = names.find(launch.function);
    launches.push_back({known == names.end() ? "?" : known->second, launch});
  }
  return launches;
}

}  // namespace foldconv::kernel_tests
