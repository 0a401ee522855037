#include "kernels/support/device_buffer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>
#include <string>

#include "cuemu.h"

namespace foldconv::kernel_tests {
namespace {

constexpr std::size_t kBandBytes = 1024 + 16;

}  // namespace

void check(cudaError_t error, const char* what) {
  if (error == cudaSuccess) return;
  std::string text = std::string(what) + ": " + cudaGetErrorString(error);
  char fault[2048];
  if (cuemu_last_fault(fault, sizeof fault) > 0) text += std::string("; ") + fault;
  cuemu_clear_fault();
  static_cast<void>(cudaGetLastError());
  throw std::runtime_error(text);
}

DeviceBuffer::DeviceBuffer(std::size_t bytes, Guards guards)
    : bytes_(bytes), band_(guards == Guards::bands ? kBandBytes : 0) {
  if (bytes_ + band_ == 0) return;
  void* base = nullptr;
  check(cudaMalloc(&base, bytes_ + 2 * band_), "cudaMalloc");
  base_ = static_cast<std::byte*>(base);
  check(cudaMemset(base_, kPoison, bytes_ + 2 * band_), "cudaMemset");
}

DeviceBuffer::DeviceBuffer(std::span<const std::byte> content, Guards guards)
    : DeviceBuffer(content.size(), guards) {
  upload(content);
}

DeviceBuffer::~DeviceBuffer() {
  if (!guards_intact()) ADD_FAILURE() << "a guard band of a buffer of " << bytes_ << " was written";
  static_cast<void>(cudaFree(base_));
}

void DeviceBuffer::upload(std::span<const std::byte> content) {
  if (content.size() != bytes_) throw std::runtime_error("DeviceBuffer: another size");
  if (bytes_ == 0) return;
  check(cudaMemcpy(data(), content.data(), bytes_, cudaMemcpyHostToDevice), "cudaMemcpy");
}

std::vector<std::byte> DeviceBuffer::download() const {
  std::vector<std::byte> content(bytes_);
  check(cudaMemcpy(content.data(), data(), bytes_, cudaMemcpyDeviceToHost), "cudaMemcpy");
  return content;
}

void DeviceBuffer::poison() {
  check(cudaMemset(data(), kPoison, bytes_), "cudaMemset");
}

bool DeviceBuffer::guards_intact() const {
  std::vector<std::byte> band(band_);
  for (const std::byte* start : {base_, base_ + band_ + bytes_}) {
    if (band_ == 0) break;
    // After a fault nothing can be read; the fault itself is reported where it was found.
    if (cudaMemcpy(band.data(), start, band_, cudaMemcpyDeviceToHost) != cudaSuccess) return true;
    if (std::ranges::any_of(band, [](std::byte b) { return b != std::byte{kPoison}; })) {
      return false;
    }
  }
  return true;
}

}  // namespace foldconv::kernel_tests
