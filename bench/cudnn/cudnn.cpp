// SPDX-License-Identifier: MIT
#include "cudnn/cudnn.hpp"

#include "cudnn/recording/record.hpp"
#include "cudnn/ways.hpp"
#include "harness/error.hpp"

namespace foldconv::tool {
namespace {

// Opened once, when it is first asked for.
const cudnn::Search& opened() {
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

}  // namespace

std::string cudnn_reason() {
  return opened().reason;
}

std::string cudnn_version() {
  return opened().cudnn != nullptr ? opened().cudnn->version : "";
}

std::vector<harness::WayMaker> cudnn_ways(const CudnnOptions& options) {
  // cuDNN is opened when a way is made, so that --help and machines without it need none of it.
  std::vector<harness::WayMaker> makers = cudnn::ways({});
  for (std::size_t i = 0; i < makers.size(); ++i) {
    makers[i].make = [options, i](const harness::Problem& problem, harness::Tensors& tensors,
                                  const harness::Wanted& wanted) -> std::vector<harness::Way> {
      cudnn::Search search = opened();
      search.engines = options.engines;
      search.l2_bytes = options.l2_bytes;
      return cudnn::ways(search)[i].make(problem, tensors, wanted);
    };
  }
  return makers;
}

Recorded record_cudnn(const std::filesystem::path& folder, const harness::Device& device) {
  const cudnn::Search& search = opened();
  if (search.cudnn == nullptr) throw harness::Error(ErrorCode::unsupported, search.reason);
  return cudnn::record_all(folder,
                           {.gpu = device.name,
                            .driver = device.machine.driver,
                            .cuda = device.machine.cuda_runtime,
                            .cudnn = search.cudnn->version},
                           cudnn::witness_of(search));
}

int try_cudnn_engines(const std::vector<std::string>& arguments) {
  return cudnn::try_engines(arguments, cudnn::open);
}

}  // namespace foldconv::tool
