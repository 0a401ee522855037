// SPDX-License-Identifier: MIT
#include "harness/device/buffer.hpp"

#include <algorithm>
#include <string>

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

void fill_with_poison(void* memory, std::size_t bytes) {
  if (bytes == 0) return;
  check(cudaMemset(memory, DeviceBuffer::kPoison, bytes), "cudaMemset");
  arrive();
}

}  // namespace

DeviceBuffer::DeviceBuffer(std::size_t bytes, Guards guards)
    : bytes_(bytes), band_(band_of(guards)) {
  const std::size_t total = bytes_ + 2 * band_;
  if (total == 0) return;
  void* memory = nullptr;
  check(cudaMalloc(&memory, total),
        "allocating " + std::to_string(total) + " bytes of device memory");
  memory_.reset(static_cast<std::byte*>(memory));
  fill_with_poison(memory, total);
}

DeviceBuffer::DeviceBuffer(std::span<const std::byte> content, Guards guards)
    : DeviceBuffer(content.size(), guards) {
  upload(content);
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
  fill_with_poison(data(), bytes_);
}

Bytes DeviceBuffer::download() const {
  Bytes bytes(bytes_);
  if (bytes_ == 0) return bytes;
  check(cudaMemcpy(bytes.data(), data(), bytes_, cudaMemcpyDeviceToHost),
        "reading the result (cudaMemcpy)");
  return bytes;
}

bool DeviceBuffer::intact() const {
  if (memory_ == nullptr || band_ == 0) return true;
  Bytes band(band_);
  for (const std::byte* start : {memory_.get(), memory_.get() + band_ + bytes_}) {
    check(cudaMemcpy(band.data(), start, band_, cudaMemcpyDeviceToHost),
          "reading guard bands (cudaMemcpy)");
    if (std::ranges::count(band, std::byte{kPoison}) != std::ssize(band)) return false;
  }
  return true;
}

}  // namespace foldconv::harness
