// SPDX-License-Identifier: MIT
#include "commands/kernel_choice.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <iterator>

#include "harness/error.hpp"
#include "harness/words.hpp"

namespace foldconv::tool {
namespace {

[[noreturn]] void refuse(const std::string& why) {
  throw harness::Error(ErrorCode::invalid_argument, why);
}

bool is_pattern(const std::string& text) {
  return text.find_first_of("*?[") != std::string::npos;
}

std::vector<std::string> names_of(const std::vector<KernelInfo>& kernels) {
  std::vector<std::string> names;
  names.reserve(kernels.size());
  for (const KernelInfo& kernel : kernels) names.emplace_back(kernel.name);
  return names;
}

// Of other data types no kernel takes the problem.
std::vector<std::string> matching(const std::string& pattern, DataType dtype,
                                  const std::vector<KernelInfo>& known) {
  std::vector<std::string> found, others;
  for (const KernelInfo& kernel : known) {
    const std::string name(kernel.name);
    if (fnmatch(pattern.c_str(), name.c_str(), 0) != 0) continue;
    (kernel.dtype == dtype ? found : others).push_back(name);
  }
  if (!found.empty()) return found;
  const std::string none =
      "no kernel of " + std::string(to_string(dtype)) + " matches \"" + pattern + "\"";
  if (!others.empty()) refuse(none + ", but " + others.front() + " does; see --dtype");
  refuse(none + "; foldconv explain DESCRIPTOR names those that are there");
}

void check_name(const std::string& name, const std::vector<std::string>& known) {
  if (std::ranges::count(known, name) > 0) return;
  const std::string meant = harness::did_you_mean(name, known);
  refuse("there is no kernel \"" + name + "\"" +
         (meant.empty() ? "; foldconv explain DESCRIPTOR names those that are there" : meant));
}

}  // namespace

std::vector<KernelInfo> layer_kernels() {
  std::vector<KernelInfo> kernels;
  std::ranges::copy_if(kernel_list(), std::back_inserter(kernels), [](const KernelInfo& kernel) {
    return kernel.family == KernelFamily::conv || kernel.family == KernelFamily::depthwise ||
           kernel.family == KernelFamily::direct;
  });
  return kernels;
}

std::vector<std::string> kernels_meant(const std::vector<std::string>& listed, DataType dtype,
                                       const std::vector<KernelInfo>& known) {
  const std::vector<std::string> names = names_of(known);
  std::vector<std::string> meant;
  for (const std::string& one : listed) {
    if (std::ranges::count(listed, one) > 1) {
      refuse("kernel \"" + one + "\" is named twice; name another one, or it alone");
    }
    if (!is_pattern(one)) check_name(one, names);
    const std::vector<std::string> found =
        is_pattern(one) ? matching(one, dtype, known) : std::vector{one};
    std::ranges::copy_if(found, std::back_inserter(meant), [&](const std::string& name) {
      return std::ranges::count(meant, name) == 0;
    });
  }
  return meant;
}

}  // namespace foldconv::tool
