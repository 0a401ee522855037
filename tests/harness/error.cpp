// SPDX-License-Identifier: MIT
#include "harness/error.hpp"

#include <cuemu.h>

#include <vector>

namespace foldconv::harness {

void fail(const Status& status) {
  std::string message = status.message();
  if (const std::size_t length = cuemu_last_fault(nullptr, 0); length > 0) {
    std::vector<char> fault(length + 1);
    cuemu_last_fault(fault.data(), fault.size());
    cuemu_clear_fault();
    message += std::string(" (") + fault.data() + ")";
  }
  static_cast<void>(cudaGetLastError());  // it is said here, and no error of what runs later
  throw Error(status.code(), message);
}

void check(const Status& status, const std::string& tried) {
  if (status.ok()) return;
  fail(tried.empty() ? status : Status(status.code(), tried + ": " + status.message()));
}

void check(cudaError_t error, const std::string& tried) {
  if (error == cudaSuccess) return;
  const ErrorCode code =
      error == cudaErrorMemoryAllocation ? ErrorCode::out_of_memory : ErrorCode::cuda_error;
  fail({code, tried + " failed: " + cudaGetErrorName(error) + ", " + cudaGetErrorString(error)});
}

}  // namespace foldconv::harness
