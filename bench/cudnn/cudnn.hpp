// SPDX-License-Identifier: MIT
// cuDNN beside foldconv. Its ways are two WayMakers like any other; where the program was built without
// cuDNN, or a machine has none, they say so.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "harness/ways/way.hpp"

namespace foldconv::cudnn {
struct Search;
}

namespace foldconv::tool {

struct CudnnOptions {
  // Of each graph the first so many that cuDNN proposes are tried; 0: all.
  std::size_t engines = 12;
  std::size_t l2_bytes = 0;  // of the cache that is cold when they are timed
};

// cudnn and cudnn-separate. Where there is no cuDNN, each is a way with that as its refusal.
std::vector<harness::WayMaker> cudnn_ways(const CudnnOptions& options);

// This machine's cuDNN, opened when it is first asked for.
const cudnn::Search& installed_cudnn();
std::string cudnn_reason();   // why there is no cuDNN; "" where it runs
std::string cudnn_version();  // "9.19.0"; "" where there is none

// The tool runs itself with this subcommand, which nobody else types: see trial.hpp.
inline constexpr const char* kTryEngines = "try-cudnn-engines";
int try_cudnn_engines(const std::vector<std::string>& arguments);  // behind the subcommand

}  // namespace foldconv::tool
