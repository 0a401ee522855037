// SPDX-License-Identifier: MIT
#include "base/error.hpp"

#include "base/text.hpp"
#include "base/utf8.hpp"

namespace foldconv::host {

Status error(ErrorCode code, std::string_view what, std::string_view value,
             std::string_view remedy) {
  return Status(code, one_line(text(what, ": ", value, "; ", remedy)));
}

Status invalid(std::string_view what, std::string_view value, std::string_view remedy) {
  return error(ErrorCode::invalid_argument, what, value, remedy);
}

namespace {

ErrorCode code_of(cudaError_t error) {
  switch (error) {
    case cudaErrorMemoryAllocation:
      return ErrorCode::out_of_memory;
    case cudaErrorNoKernelImageForDevice:
      return ErrorCode::device_too_old;
    default:
      return ErrorCode::cuda_error;
  }
}

std::string_view remedy_of(cudaError_t error) {
  switch (error) {
    case cudaErrorMemoryAllocation:
      return "free device memory or use smaller tensors";
    case cudaErrorNoKernelImageForDevice:
      return "run on a GPU of compute capability 8.0 or later";
    case cudaErrorNoDevice:
    case cudaErrorInsufficientDriver:
      return "install an NVIDIA driver that supports this CUDA version, and make a GPU visible";
    case cudaErrorInvalidResourceHandle:
      return "pass a stream of the current device that was not destroyed";
    default:
      return "see the CUDA documentation of this error; an earlier asynchronous call may have "
             "caused it";
  }
}

}  // namespace

Status at(std::string_view part, const Status& status) {
  return Status(status.code(), one_line(text(part, ": ", status.message())));
}

Status cuda_failure(cudaError_t error, std::string_view call) {
  cudaGetLastError();
  return host::error(code_of(error), text(call, " failed"),
                     text(cudaGetErrorName(error), " (", cudaGetErrorString(error), ")"),
                     remedy_of(error));
}

Status out_of_host_memory() noexcept {
  try {
    return error(ErrorCode::out_of_memory, "out of memory", "an allocation on the host failed",
                 "free host memory or use smaller tensors");
  } catch (...) {
    return Status(ErrorCode::out_of_memory, "out of memory");  // short enough to need no allocation
  }
}

}  // namespace foldconv::host
