#include "compute/device_buffer.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace foldconv::tool {
namespace {

constexpr int kPoison = 0xFF, kGuard = 0xA5;

}  // namespace

Status cuda_status(cudaError_t error, const std::string& tried) {
  if (error == cudaSuccess) return {};
  const ErrorCode code =
      error == cudaErrorMemoryAllocation ? ErrorCode::out_of_memory : ErrorCode::cuda_error;
  return {code, tried + " failed: " + cudaGetErrorName(error) + ", " + cudaGetErrorString(error)};
}

DeviceBuffer::DeviceBuffer(DeviceBuffer&& other) noexcept
    : base_(std::exchange(other.base_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}

DeviceBuffer& DeviceBuffer::operator=(DeviceBuffer&& other) noexcept {
  std::swap(base_, other.base_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

DeviceBuffer::~DeviceBuffer() {
  cudaFree(base_);
}

Result<DeviceBuffer> DeviceBuffer::allocate(std::size_t bytes) {
  DeviceBuffer buffer;
  void* base = nullptr;
  const std::size_t total = bytes + 2 * kGuardBytes;
  const std::string tried = "allocating " + std::to_string(total) + " bytes of device memory";
  if (Status status = cuda_status(cudaMalloc(&base, total), tried); !status) return status;
  buffer.base_ = static_cast<std::byte*>(base);
  buffer.bytes_ = bytes;
  if (Status status = cuda_status(cudaMemset(base, kGuard, total), "cudaMemset"); !status) {
    return status;
  }
  return buffer;
}

Result<DeviceBuffer> DeviceBuffer::upload(std::span<const std::byte> bytes) {
  Result<DeviceBuffer> buffer = allocate(bytes.size());
  if (!buffer) return buffer;
  Status status = cuda_status(
      cudaMemcpy(buffer->data(), bytes.data(), bytes.size(), cudaMemcpyHostToDevice), "cudaMemcpy");
  if (!status) return status;
  return buffer;
}

Status DeviceBuffer::poison() const {
  return cuda_status(cudaMemset(data(), kPoison, bytes_), "cudaMemset");
}

Result<std::vector<std::byte>> DeviceBuffer::download() const {
  std::vector<std::byte> bytes(bytes_);
  Status status = cuda_status(cudaMemcpy(bytes.data(), data(), bytes_, cudaMemcpyDeviceToHost),
                              "reading the result (cudaMemcpy)");
  if (!status) return status;
  return bytes;
}

Result<bool> DeviceBuffer::intact() const {
  for (const std::byte* band : {base_, base_ + kGuardBytes + bytes_}) {
    std::array<std::byte, kGuardBytes> bytes{};
    Status status =
        cuda_status(cudaMemcpy(bytes.data(), band, bytes.size(), cudaMemcpyDeviceToHost),
                    "reading guard bands (cudaMemcpy)");
    if (!status) return status;
    if (std::ranges::any_of(bytes, [](std::byte b) { return b != std::byte{kGuard}; })) {
      return false;
    }
  }
  return true;
}

}  // namespace foldconv::tool
