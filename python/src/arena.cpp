// SPDX-License-Identifier: MIT
#include "arena.hpp"

#include <algorithm>
#include <string>

#include "device.hpp"
#include "error.hpp"

namespace foldconv::python {

Arena::~Arena() {
  if (workspace_ == nullptr && staging_ == nullptr) return;
  const OutsideCapture outside;
  // The handle may name another thread's stream here, or one that is no more.
  if (stream_ == cudaStreamPerThread || cudaStreamSynchronize(stream_) != cudaSuccess) {
    cudaGetLastError();
    cudaDeviceSynchronize();
  }
  cudaFree(workspace_);
  cudaFree(staging_);
}

Result<std::byte*> Arena::part(std::byte*& memory, std::size_t bytes) {
  if (memory != nullptr || bytes == 0) return memory;
  const OutsideCapture outside;
  void* made = nullptr;
  if (const cudaError_t code = cudaMalloc(&made, bytes); code != cudaSuccess) {
    const Status status = cuda_failure(code, "cudaMalloc");
    return Status(status.code(), "a plan's memory for a stream, " + std::to_string(bytes) +
                                     " bytes: " + status.message());
  }
  memory = static_cast<std::byte*>(made);
  return memory;
}

Result<Arena*> Arenas::at(cudaStream_t stream) {
  unsigned long long id = 0;
  if (const cudaError_t code = cudaStreamGetId(stream, &id); code != cudaSuccess)
    return cuda_failure(code, "cudaStreamGetId");
  const std::lock_guard lock(mutex_);
  std::unique_ptr<Arena>& arena = arenas_[id];
  if (arena == nullptr) arena = std::make_unique<Arena>(stream);
  last_ = arena.get();
  return last_;
}

Arena* Arenas::last() {
  const std::lock_guard lock(mutex_);
  return last_;
}

}  // namespace foldconv::python
