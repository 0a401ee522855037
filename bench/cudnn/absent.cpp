// SPDX-License-Identifier: MIT
// In place of frontend.cpp and tensor_calls.cpp, where there is no cuDNN to build with.
#include "cudnn/engines.hpp"
#include "harness/error.hpp"

namespace foldconv::cudnn {

std::shared_ptr<const Cudnn> open() {
  throw harness::Error(
      ErrorCode::unsupported,
      "this program was built without cuDNN: configuring found no cudnn.h of version 9, or "
      "no cudnn_frontend.h (FOLDCONV_CUDNN)");
}

std::shared_ptr<const Cudnn> described(const std::string&) {
  return open();
}

}  // namespace foldconv::cudnn
