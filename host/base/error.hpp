// SPDX-License-Identifier: MIT
// How host code fails: messages of one form, and no exception past the API.
#pragma once

#include <cuda_runtime_api.h>

#include <string>
#include <string_view>

#include "foldconv/status.hpp"

namespace foldconv::host {

// "what: value; remedy", as one line of UTF-8 whatever the pieces are.
Status error(ErrorCode code, std::string_view what, std::string_view value,
             std::string_view remedy);
Status invalid(std::string_view what, std::string_view value, std::string_view remedy);

// The same error, told of one part of a whole: "conv2: ...".
Status at(std::string_view part, const Status& status);

// A CUDA runtime call that failed. Clears the runtime's last error: the Status carries it from
// here, and the caller's next check of cudaGetLastError() must not meet it again.
Status cuda_failure(cudaError_t error, std::string_view call);

// Needs no memory itself.
Status out_of_host_memory() noexcept;

// Runs the body of an API function that returns a Status or a Result. Nothing in the host code
// throws but failed allocations.
template <class Body>
auto guarded(Body&& body) noexcept -> decltype(body()) {
  try {
    return body();
  } catch (...) {
    return out_of_host_memory();
  }
}

// The same for functions that return text: "" when there is no memory for it.
template <class Body>
std::string guarded_text(Body&& body) noexcept {
  try {
    return body();
  } catch (...) {
    return {};
  }
}

}  // namespace foldconv::host
