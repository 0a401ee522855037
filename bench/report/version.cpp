// SPDX-License-Identifier: MIT
#include "report/version.hpp"

#include <map>

#include "foldconv/kernel_list.hpp"
#include "git_description.hpp"
#include "harness/device/machine.hpp"
#include "report/text.hpp"
#include "tool_version.hpp"

namespace foldconv::tool {
namespace {

std::string runtime_line() {
  const harness::CudaRuntime runtime = harness::cuda_runtime();
  return "CUDA runtime: " + (runtime.version.empty() ? "unknown" : runtime.version) +
         (runtime.emulated ? ", emulated on the CPU" : "");
}

// "kernels for sm_80 and later: 161, of them 62 f16, 62 bf16, 37 f32"; what has 90 runs on that alone.
std::string kernel_lines() {
  std::map<int, std::map<DataType, std::size_t>> counts;
  for (const KernelInfo& kernel : kernel_list()) ++counts[kernel.capability][kernel.dtype];
  std::string lines;
  for (const auto& [capability, of_types] : counts) {
    std::size_t all = 0;
    std::string types;
    for (const auto& [dtype, count] : of_types) {
      all += count;
      types += (types.empty() ? "" : ", ") + std::to_string(count) + " " + to_string(dtype);
    }
    lines += "kernels for sm_" + std::to_string(capability) +
             (capability == 90 ? " alone: " : " and later: ") + std::to_string(all) + ", of them " +
             types + "\n";
  }
  return lines + "embedded: " + kCudaArchitectures + "\n";
}

std::string cudnn_line() {
  if (!kHasCudnn) return "cuDNN: not built in";
  const std::string version = harness::installed_cudnn();
  return "cuDNN: " + (version.empty() ? "built in, but the loader finds none here" : version);
}

}  // namespace

std::string version_number() {
  return kToolVersion;
}

std::string git_description() {
  return kGitDescription;
}

std::string version_text() {
  const std::string git = git_description();
  return "foldconv " + version_number() + "\n" + "git: " + (git.empty() ? "unknown" : git) + "\n" +
         runtime_line() + "\n" + kernel_lines() + cudnn_line();
}

}  // namespace foldconv::tool
