// SPDX-License-Identifier: MIT
// The registry: every way that the tool knows, in the order of its rows.
#pragma once

#include <vector>

#include "cudnn/cudnn.hpp"
#include "harness/ways/way.hpp"

namespace foldconv::tool {

inline std::vector<harness::WayMaker> all_ways(const CudnnOptions& cudnn) {
  std::vector<harness::WayMaker> makers = harness::foldconv_ways();
  for (harness::WayMaker& maker : cudnn_ways(cudnn)) makers.push_back(std::move(maker));
  return makers;
}

}  // namespace foldconv::tool
