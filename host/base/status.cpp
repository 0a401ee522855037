#include "foldconv/status.hpp"

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

}  // namespace foldconv
