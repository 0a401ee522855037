// Which implementations bench is asked for.
#pragma once

#include <string>
#include <vector>

#include "commands/options.hpp"
#include "compute/step.hpp"
#include "cudnn/session.hpp"

namespace foldconv::tool {

inline constexpr const char* kCudnn = "cudnn";
inline constexpr const char* kCudnnUnfused = "cudnn-unfused";

// cuDNN on the current device, opened once.
const Result<cudnn::Session>& cudnn_session();

// Of kCudnn and kCudnnUnfused those that are to be shown: the ones that are listed; without a list
// both, where there is cuDNN.
std::vector<std::string> wanted_of_cudnn(const Options& options);

// Those of `all` that options.implementations lists; all of them without a list.
std::vector<Implementation> selected(std::vector<Implementation> all, const Options& options);

}  // namespace foldconv::tool
