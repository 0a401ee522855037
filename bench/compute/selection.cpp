#include "compute/selection.hpp"

#include <algorithm>

namespace foldconv::tool {

const Result<cudnn::Session>& cudnn_session() {
  // Never destroyed: at the program's end the CUDA runtime is gone before it would be.
  static const auto* session = new Result<cudnn::Session>(cudnn::Session::open());
  return *session;
}

std::vector<std::string> wanted_of_cudnn(const Options& options) {
  const std::vector<std::string>& listed = options.implementations;
  std::vector<std::string> wanted;
  for (const char* name : {kCudnn, kCudnnUnfused}) {
    const bool shown = listed.empty() ? cudnn_session().ok() : std::ranges::count(listed, name) > 0;
    if (shown) wanted.emplace_back(name);
  }
  return wanted;
}

std::vector<Implementation> selected(std::vector<Implementation> all, const Options& options) {
  const std::vector<std::string>& listed = options.implementations;
  if (listed.empty()) return all;
  std::erase_if(all, [&listed](const Implementation& one) {
    const bool by_plan = one.planned && std::ranges::count(listed, "planned") > 0;
    return !by_plan && std::ranges::count(listed, one.name) == 0;
  });
  return all;
}

}  // namespace foldconv::tool
