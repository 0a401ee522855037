// SPDX-License-Identifier: MIT
#include "cudnn/cudnn.hpp"

#include "cudnn/ways.hpp"
#include "harness/error.hpp"

namespace foldconv::tool {

const cudnn::Search& installed_cudnn() {
  static const cudnn::Search search = [] {
    cudnn::Search made;
    try {
      made.cudnn = cudnn::open();
      made.trial = cudnn::own_process(kTryEngines);
    } catch (const harness::Error& error) {
      made.reason = error.what();
    }
    return made;
  }();
  return search;
}

std::string cudnn_reason() {
  return installed_cudnn().reason;
}

std::string cudnn_version() {
  return installed_cudnn().cudnn != nullptr ? installed_cudnn().cudnn->version : "";
}

std::vector<harness::WayMaker> cudnn_ways(const CudnnOptions& options) {
  return cudnn::ways([options] {
    cudnn::Search search = installed_cudnn();
    search.engines = options.engines;
    search.l2_bytes = options.l2_bytes;
    return search;
  });
}

int try_cudnn_engines(const std::vector<std::string>& arguments) {
  return cudnn::try_engines(arguments, cudnn::open);
}

}  // namespace foldconv::tool
