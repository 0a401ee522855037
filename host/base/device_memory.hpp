// Device memory that is freed with its owner.
#pragma once

#include <cuda_runtime_api.h>

#include <memory>
#include <span>

#include "base/error.hpp"
#include "base/text.hpp"

namespace foldconv::host {

class DeviceMemory {
 public:
  DeviceMemory() = default;

  // A copy of `bytes` on the current device, complete when the call returns. `what` names it in
  // messages.
  static Result<DeviceMemory> copy_of(std::span<const std::byte> bytes, const char* what) {
    void* pointer = nullptr;
    if (const cudaError_t code = cudaMalloc(&pointer, bytes.size()); code != cudaSuccess) {
      return cuda_failure(code, text("cudaMalloc of ", bytes.size(), " bytes for ", what));
    }
    DeviceMemory memory(pointer);
    cudaError_t code = cudaMemcpy(pointer, bytes.data(), bytes.size(), cudaMemcpyHostToDevice);
    // From pageable memory, cudaMemcpy may return before the last piece has arrived; streams that
    // do not wait for the default stream could then read stale bytes.
    if (code == cudaSuccess) code = cudaStreamSynchronize(cudaStreamLegacy);
    if (code != cudaSuccess) return cuda_failure(code, text("the copy to the device of ", what));
    return memory;
  }

  const void* get() const { return pointer_.get(); }

 private:
  struct Free {
    void operator()(void* pointer) const noexcept { cudaFree(pointer); }
  };

  explicit DeviceMemory(void* pointer) : pointer_(pointer) {}

  std::unique_ptr<void, Free> pointer_;
};

}  // namespace foldconv::host
