// SPDX-License-Identifier: MIT
#include "base/device_memory.hpp"

#include <cuda_runtime_api.h>

#include "base/error.hpp"
#include "base/pointer_queries.hpp"
#include "base/text.hpp"

namespace foldconv::host {

Result<DeviceMemory> DeviceMemory::copy_of(std::initializer_list<std::span<const std::byte>> parts,
                                           const char* what) {
  DeviceMemory memory;
  memory.what_ = what;
  std::size_t end = 0;
  for (const auto& part : parts) {
    const std::size_t begin = (end + kPartAlignment - 1) / kPartAlignment * kPartAlignment;
    memory.offsets_.push_back(begin);
    end = begin + part.size();
  }
  memory.bytes_ = end;
  void* pointer = nullptr;
  if (const cudaError_t code = cudaMalloc(&pointer, end); code != cudaSuccess) {
    return cuda_failure(code, text("cudaMalloc of ", end, " bytes for ", what));
  }
  memory.allocation_ = {static_cast<std::byte*>(pointer), FreeAllocation{allocation_id(pointer)}};
  cudaError_t code = cudaSuccess;
  std::size_t index = 0;
  for (const auto& part : parts) {
    std::byte* target = memory.allocation_.get() + memory.offsets_[index++];
    code = cudaMemcpy(target, part.data(), part.size(), cudaMemcpyHostToDevice);
    if (code != cudaSuccess) break;
  }
  // From pageable memory, cudaMemcpy may return before the last piece has arrived; streams that
  // do not wait for the default stream could then read stale bytes.
  if (code == cudaSuccess) code = cudaStreamSynchronize(cudaStreamLegacy);
  if (code != cudaSuccess) return cuda_failure(code, text("the copy to the device of ", what));
  return memory;
}

Status DeviceMemory::check_there() const {
  if (!allocation_.get_deleter().is_gone(allocation_.get())) return {};
  return invalid(text(what_, " are no longer on the device"),
                 text(bytes_, " bytes at ", address_text(allocation_.get()),
                      " were freed, as cudaDeviceReset() frees all"),
                 "create the object again behind the reset");
}

bool FreeAllocation::is_gone(const std::byte* pointer) const noexcept {
  // This one first: it makes a context current, without which the driver has no answers, and fails where the runtime has
  // ended already, or the process was forked.
  cudaPointerAttributes attributes = {};
  const cudaError_t code = cudaPointerGetAttributes(&attributes, pointer);
  if (code != cudaSuccess) cudaGetLastError();
  if (code == cudaErrorInvalidValue) return true;
  if (code != cudaSuccess) return false;
  if (attributes.type == cudaMemoryTypeUnregistered) return true;
  if (!id) return false;
  const std::optional<std::uint64_t> now = allocation_id(pointer);
  return now && *now != *id;
}

void FreeAllocation::operator()(std::byte* pointer) const noexcept {
  if (is_gone(pointer)) return;  // or another's memory would be freed
  // The last owner may go while a stream is being captured, by this thread or another: cudaFree would
  // end the capture, unless this thread says that it means to.
  cudaStreamCaptureMode mode = cudaStreamCaptureModeRelaxed;
  const bool exchanged = cudaThreadExchangeStreamCaptureMode(&mode) == cudaSuccess;
  cudaFree(pointer);
  if (exchanged) cudaThreadExchangeStreamCaptureMode(&mode);
}

}  // namespace foldconv::host
