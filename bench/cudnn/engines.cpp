// SPDX-License-Identifier: MIT
#include "cudnn/engines.hpp"

#include "harness/error.hpp"

namespace foldconv::cudnn {

void refuse(const ConvProblem& problem) {
  harness::check(validate(problem));
  if (problem.activation == Activation::hardswish) {
    throw harness::Error(ErrorCode::unsupported, "cuDNN's graphs have no hardswish");
  }
  const Padding& pad = problem.pad;
  if (pad.top < 0 || pad.bottom < 0 || pad.left < 0 || pad.right < 0) {
    throw harness::Error(ErrorCode::unsupported, "cuDNN has no negative padding");
  }
}

}  // namespace foldconv::cudnn
