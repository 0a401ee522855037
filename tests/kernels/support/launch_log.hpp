// SPDX-License-Identifier: MIT
// The emulator's log of launches, in the catalog's names.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "catalog/registry.hpp"
#include "cuemu.h"

namespace foldconv::kernel_tests {

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
    add(host::tail_kernels());
    add(host::whole_kernels());
    add(host::pointwise_kernels());
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
