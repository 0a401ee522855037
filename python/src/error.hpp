// SPDX-License-Identifier: MIT
// Failures as Python exceptions: the library's messages, and those of the binding in the same form.
#pragma once

#include <cuda_runtime_api.h>

#include <string>
#include <string_view>
#include <utility>

#include "foldconv/status.hpp"

namespace foldconv::python {

// "what: value; remedy"
Status failure(ErrorCode code, std::string_view what, std::string_view value,
               std::string_view remedy);
Status invalid(std::string_view what, std::string_view value, std::string_view remedy);

// A CUDA runtime call that failed; the runtime's last error is cleared.
Status cuda_failure(cudaError_t code, std::string_view call);
inline Status cuda_status(cudaError_t code, std::string_view call) {
  return code == cudaSuccess ? Status() : cuda_failure(code, call);
}

// Raises the class of foldconv/_errors.py for the Status' code. With the GIL.
[[noreturn]] void raise(const Status& status);

inline void check(const Status& status) {
  if (!status.ok()) raise(status);
}
template <class T>
T take(Result<T> result) {
  if (!result.ok()) raise(result.status());
  return *std::move(result);
}

}  // namespace foldconv::python
