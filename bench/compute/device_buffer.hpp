// Device memory with guard bands, and CUDA errors as Status.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "foldconv/status.hpp"

namespace foldconv::tool {

// ok, or the error's name and text behind what was tried.
Status cuda_status(cudaError_t error, const std::string& tried);

// Move-only. Between the bytes a kernel may touch and the end of the allocation lie bands with a
// known pattern: intact() tells whether anything was written there.
class DeviceBuffer {
 public:
  DeviceBuffer() = default;
  DeviceBuffer(DeviceBuffer&& other) noexcept;
  DeviceBuffer& operator=(DeviceBuffer&& other) noexcept;
  ~DeviceBuffer();

  static Result<DeviceBuffer> allocate(std::size_t bytes);
  static Result<DeviceBuffer> upload(std::span<const std::byte> bytes);

  void* data() const { return base_ == nullptr ? nullptr : base_ + kGuardBytes; }
  std::size_t bytes() const { return bytes_; }

  // Fills with a pattern that is NaN in every storage type, so that an element never written shows.
  Status poison() const;
  Result<std::vector<std::byte>> download() const;
  Result<bool> intact() const;

 private:
  static constexpr std::size_t kGuardBytes = 256;  // keeps data() as aligned as an allocation

  std::byte* base_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace foldconv::tool
