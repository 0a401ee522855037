// SPDX-License-Identifier: MIT
// What every file that implements a part of the CUDA runtime API needs: CUDA's own declarations (so
// that the compiler checks each signature), the export macro, and the wrappers that give a call
// CUDA's error semantics.
#pragma once

#include <exception>
#include <new>

#include "calls.hpp"
#include "cuda_declarations.hpp"
#include "errors.hpp"

#define CUEMU_EXPORT extern "C" __attribute__((visibility("default")))

// Every entry point that may fail begins with this: the call is counted, and fails when a test asked
// for it.
#define CUEMU_BEGIN_CALL(name)                                                                 \
  if (const cudaError_t planted = cuemu::runtime::begin_call(#name); planted != cudaSuccess) { \
    return planted;                                                                            \
  }

#define CUEMU_API(name, parameters, ...)     \
  CUEMU_EXPORT cudaError_t name parameters { \
    CUEMU_BEGIN_CALL(name)                   \
    __VA_ARGS__                              \
  }

// Defines an entry point and its per-thread-default-stream twin. The body sees `implicit_stream`:
// what stream 0 means.
#define CUEMU_STREAM_API_AS(name, twin, parameters, ...)                       \
  CUEMU_EXPORT cudaError_t name parameters {                                   \
    [[maybe_unused]] const cudaStream_t implicit_stream = cudaStreamLegacy;    \
    CUEMU_BEGIN_CALL(name)                                                     \
    __VA_ARGS__                                                                \
  }                                                                            \
  CUEMU_EXPORT cudaError_t twin parameters {                                   \
    [[maybe_unused]] const cudaStream_t implicit_stream = cudaStreamPerThread; \
    CUEMU_BEGIN_CALL(name)                                                     \
    __VA_ARGS__                                                                \
  }
#define CUEMU_STREAM_API(name, parameters, ...) \
  CUEMU_STREAM_API_AS(name, name##_ptsz, parameters, __VA_ARGS__)

namespace cuemu::runtime {

// Runs `body` with its result recorded as the thread's last error. No exception may leave an entry
// point.
template <typename Body>
cudaError_t pure_call(Body&& body) {
  try {
    return record_error(body());
  } catch (const std::bad_alloc&) {
    return record_error(cudaErrorMemoryAllocation);
  } catch (const std::exception& error) {
    print_message(error.what());
    return record_error(cudaErrorUnknown);
  }
}

// As pure_call, for calls that reach the device: after a kernel fault they all fail with the sticky
// error.
template <typename Body>
cudaError_t api_call(Body&& body) {
  if (const cudaError_t sticky = sticky_error(); sticky != cudaSuccess) return record_error(sticky);
  return pure_call(static_cast<Body&&>(body));
}

}  // namespace cuemu::runtime
