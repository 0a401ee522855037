// SPDX-License-Identifier: MIT
// cuDNN beside foldconv. Its ways are two WayMakers like any other; where the program was built without
// cuDNN, or a machine has none, they say so.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "cudnn/contest.hpp"
#include "harness/ways/way.hpp"

namespace foldconv::cudnn {

// Two ways, whoever stands for cuDNN. cudnn: each convolution with all behind it as one graph; cudnn-separate:
// single operations. Of the engines that are right (see contest.hpp) the fastest is taken; the kernel is its
// name, how many were right, how many cuDNN offered: "eng45_k2=5(12_of_57)". A way that cuDNN does not take has
// the first reason as its refusal. `search` is called when a way is made.
std::vector<harness::WayMaker> ways(const std::function<Search()>& search);

}  // namespace foldconv::cudnn

namespace foldconv::tool {

struct CudnnOptions {
  // Of each graph the first so many that cuDNN proposes are tried; 0: all.
  std::size_t engines = 12;
  std::size_t l2_bytes = 0;  // of the cache that is cold when they are timed
};

// The ways of this machine's cuDNN. Where there is none, each is a way with that as its refusal.
std::vector<harness::WayMaker> cudnn_ways(const CudnnOptions& options);

// This machine's cuDNN, opened when it is first asked for.
const cudnn::Search& installed_cudnn();
std::string cudnn_reason();   // why there is no cuDNN; "" where it runs
std::string cudnn_version();  // "9.19.0"; "" where there is none

}  // namespace foldconv::tool
