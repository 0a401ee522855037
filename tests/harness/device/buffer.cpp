// SPDX-License-Identifier: MIT
#include "harness/device/buffer.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "harness/error.hpp"

namespace foldconv::harness {
namespace {

constexpr std::size_t kBandBytes = 1024;  // a multiple of an allocation's alignment

std::size_t band_of(Guards guards) {
  if (guards == Guards::none) return 0;
  return guards == Guards::shifted ? kBandBytes + 16 : kBandBytes;
}

// Copies and fills of the legacy stream may go on after the call returns.
void arrive() {
  check(cudaStreamSynchronize(nullptr), "filling device memory");
}

}  // namespace

DeviceBuffer::DeviceBuffer(std::size_t bytes, Guards guards)
    : bytes_(bytes), band_(band_of(guards)) {
  const std::size_t total = bytes_ + 2 * band_;
  if (total == 0) return;
  void* base = nullptr;
  check(cudaMalloc(&base, total),
        "allocating " + std::to_string(total) + " bytes of device memory");
  base_ = static_cast<std::byte*>(base);
  try {
    check(cudaMemset(base_, kPoison, total), "cudaMemset");
    arrive();
  } catch (...) {
    cudaFree(base_);
    throw;
  }
}

DeviceBuffer::DeviceBuffer(std::span<const std::byte> content, Guards guards)
    : DeviceBuffer(content.size(), guards) {
  upload(content);
}

DeviceBuffer::DeviceBuffer(DeviceBuffer&& other) noexcept
    : base_(std::exchange(other.base_, nullptr)),
      bytes_(std::exchange(other.bytes_, 0)),
      band_(std::exchange(other.band_, 0)) {}

DeviceBuffer& DeviceBuffer::operator=(DeviceBuffer&& other) noexcept {
  std::swap(base_, other.base_);
  std::swap(bytes_, other.bytes_);
  std::swap(band_, other.band_);
  return *this;
}

DeviceBuffer::~DeviceBuffer() {
  cudaFree(base_);
}

void DeviceBuffer::upload(std::span<const std::byte> content) const {
  if (content.size() != bytes_) {
    fail({ErrorCode::invalid_argument, "DeviceBuffer::upload: " + std::to_string(content.size()) +
                                           " bytes into a buffer of " + std::to_string(bytes_)});
  }
  if (bytes_ == 0) return;
  check(cudaMemcpy(data(), content.data(), bytes_, cudaMemcpyHostToDevice), "cudaMemcpy");
  arrive();
}

void DeviceBuffer::poison() const {
  if (bytes_ == 0) return;
  check(cudaMemset(data(), kPoison, bytes_), "cudaMemset");
  arrive();
}

Bytes DeviceBuffer::download() const {
  Bytes bytes(bytes_);
  if (bytes_ == 0) return bytes;
  check(cudaMemcpy(bytes.data(), data(), bytes_, cudaMemcpyDeviceToHost),
        "reading the result (cudaMemcpy)");
  return bytes;
}

bool DeviceBuffer::intact() const {
  Bytes band(band_);
  for (const std::byte* start : {base_, base_ + band_ + bytes_}) {
    if (band_ == 0 || base_ == nullptr) break;
    check(cudaMemcpy(band.data(), start, band_, cudaMemcpyDeviceToHost),
          "reading guard bands (cudaMemcpy)");
    if (std::ranges::any_of(band, [](std::byte b) { return b != std::byte{kPoison}; })) {
      return false;
    }
  }
  return true;
}

}  // namespace foldconv::harness
