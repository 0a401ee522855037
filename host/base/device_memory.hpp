// SPDX-License-Identifier: MIT
// Device memory that is freed with its owner.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <initializer_list>
#include <memory>
#include <span>
#include <vector>

#include "base/error.hpp"
#include "base/text.hpp"

namespace foldconv::host {

// One allocation with one or more parts, each aligned to kPartAlignment bytes.
class DeviceMemory {
 public:
  static constexpr std::size_t kPartAlignment = 256;

  // Copies of `parts` on the current device, complete when the call returns. `what` names them in
  // messages.
  static Result<DeviceMemory> copy_of(std::initializer_list<std::span<const std::byte>> parts,
                                      const char* what) {
    DeviceMemory memory;
    std::size_t end = 0;
    for (const auto& part : parts) {
      const std::size_t begin = (end + kPartAlignment - 1) / kPartAlignment * kPartAlignment;
      memory.offsets_.push_back(begin);
      end = begin + part.size();
    }
    void* pointer = nullptr;
    if (const cudaError_t code = cudaMalloc(&pointer, end); code != cudaSuccess) {
      return cuda_failure(code, text("cudaMalloc of ", end, " bytes for ", what));
    }
    memory.pointer_.reset(static_cast<std::byte*>(pointer));
    cudaError_t code = cudaSuccess;
    std::size_t index = 0;
    for (const auto& part : parts) {
      std::byte* target = memory.pointer_.get() + memory.offsets_[index++];
      code = cudaMemcpy(target, part.data(), part.size(), cudaMemcpyHostToDevice);
      if (code != cudaSuccess) break;
    }
    // From pageable memory, cudaMemcpy may return before the last piece has arrived; streams that
    // do not wait for the default stream could then read stale bytes.
    if (code == cudaSuccess) code = cudaStreamSynchronize(cudaStreamLegacy);
    if (code != cudaSuccess) return cuda_failure(code, text("the copy to the device of ", what));
    return memory;
  }

  const void* part(std::size_t index) const { return pointer_.get() + offsets_[index]; }

 private:
  // The last owner may go while a stream is being captured, by this thread or another: cudaFree would
  // end the capture, unless this thread says that it means to.
  struct Free {
    void operator()(std::byte* pointer) const noexcept {
      cudaStreamCaptureMode mode = cudaStreamCaptureModeRelaxed;
      const bool exchanged = cudaThreadExchangeStreamCaptureMode(&mode) == cudaSuccess;
      cudaFree(pointer);
      if (exchanged) cudaThreadExchangeStreamCaptureMode(&mode);
    }
  };

  std::unique_ptr<std::byte, Free> pointer_;
  std::vector<std::size_t> offsets_;
};

}  // namespace foldconv::host
