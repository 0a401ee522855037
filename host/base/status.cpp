// SPDX-License-Identifier: MIT
#include "foldconv/status.hpp"

#include <cstdio>
#include <cstdlib>

namespace foldconv {

const char* to_string(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::ok:
      return "ok";
    case ErrorCode::invalid_argument:
      return "invalid_argument";
    case ErrorCode::unsupported:
      return "unsupported";
    case ErrorCode::misaligned:
      return "misaligned";
    case ErrorCode::aliasing:
      return "aliasing";
    case ErrorCode::workspace_too_small:
      return "workspace_too_small";
    case ErrorCode::device_too_old:
      return "device_too_old";
    case ErrorCode::out_of_memory:
      return "out_of_memory";
    case ErrorCode::cuda_error:
      return "cuda_error";
  }
  return "unknown";
}

void detail::no_value(const Status& status) noexcept {
  std::fprintf(stderr, "foldconv: the value of a failed Result was read: %s: %s\n",
               to_string(status.code()), status.message().c_str());
  std::abort();
}

}  // namespace foldconv
