// SPDX-License-Identifier: MIT
// Compiled kernels, for tests that any of a family will do for.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

#include "foldconv/kernel_list.hpp"

namespace foldconv::test {

// The names that begin so, in the catalog's order; two or more, so that there are different ones.
inline std::vector<std::string> kernels_named(const std::string& prefix) {
  std::vector<std::string> names;
  for (const KernelInfo& kernel : kernel_list()) {
    if (kernel.name.starts_with(prefix)) names.emplace_back(kernel.name);
  }
  if (names.size() < 2) throw std::runtime_error("fewer than two kernels begin with " + prefix);
  return names;
}

}  // namespace foldconv::test
