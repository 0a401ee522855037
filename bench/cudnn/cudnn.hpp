// SPDX-License-Identifier: MIT
// cuDNN beside foldconv. Its ways are two WayMakers like any other; where the program was built without
// cuDNN, or a machine has none, they say so.
#pragma once

#include <functional>
#include <vector>

#include "cudnn/contest.hpp"
#include "harness/ways/way.hpp"

namespace foldconv::cudnn {

// This machine's cuDNN, opened when it is first asked for.
const Search& installed();

// Two ways, whoever stands for cuDNN. cudnn: each convolution with all behind it as one graph; cudnn-separate:
// single operations. Of the engines that are right (see contest.hpp) the fastest is taken; the kernel is its
// name, how many were right, how many cuDNN offered: "eng45_k2=5(12_of_57)". A way that cuDNN does not take has
// the first reason as its refusal. `search` is called when a way is made.
std::vector<harness::WayMaker> ways(const std::function<Search()>& search);

}  // namespace foldconv::cudnn
