// SPDX-License-Identifier: MIT
// Errors of the harness, the tool and the tests of kernels: exceptions, caught in main() or by
// GoogleTest. The library itself throws none.
#pragma once

#include <cuda_runtime_api.h>

#include <stdexcept>
#include <string>
#include <utility>

#include "foldconv/status.hpp"

namespace foldconv::harness {

class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ErrorCode code() const noexcept { return code_; }

 private:
  ErrorCode code_;
};

// Throws the Status as an Error. On the emulator the message ends with the fault that is behind it,
// which the emulator forgets, so that the next problem can run.
[[noreturn]] void fail(const Status& status);

// Each throws Error unless all is well; `tried` stands before what went wrong.
void check(const Status& status, const std::string& tried = {});
void check(cudaError_t error, const std::string& tried);

// The value, or the Error that says why there is none.
template <class T>
T value_of(Result<T> result, const std::string& tried = {}) {
  check(result.status(), tried);
  return std::move(result).value();
}

}  // namespace foldconv::harness
