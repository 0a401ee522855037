// In place of all other files here, where there is no cuDNN to build with.
#include "cudnn/cudnn.hpp"
#include "harness/error.hpp"

namespace foldconv::tool {

std::string cudnn_reason() {
  return "this program was built without cuDNN: there was no cudnn.h of version 9";
}

std::string cudnn_version() {
  return "";
}

std::vector<harness::WayMaker> cudnn_ways(const CudnnOptions&) {
  const auto absent = [](const std::string& name, const std::string& help) {
    return harness::WayMaker{
        .names = {name},
        .help = help,
        .make = [name](const harness::Problem&, harness::Tensors&,
                       const harness::Wanted& wanted) -> std::vector<harness::Way> {
          if (!wanted(name)) return {};
          return {{.name = name, .refusal = cudnn_reason()}};
        }};
  };
  return {absent("cudnn", "cudnn (each convolution with all behind it as one graph of cuDNN)"),
          absent("cudnn-separate", "cudnn-separate (cuDNN's convolutions and single calls)")};
}

Recorded record_cudnn(const std::filesystem::path&, const harness::Device&) {
  throw harness::Error(ErrorCode::unsupported, cudnn_reason());
}

}  // namespace foldconv::tool
