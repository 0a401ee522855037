// Device memory for tests: guard bands around the data, poison in it before a kernel writes.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <span>
#include <vector>

namespace foldconv::kernel_tests {

// Throws std::runtime_error with CUDA's text and, on the emulator, the fault; clears the fault so
// that the next test can run.
void check(cudaError_t error, const char* what);

enum class Guards {
  bands,  // NaN patterns before and after the data, and data aligned to 16 bytes but not to 32
  none,   // an allocation of just the data: the emulator faults on any access outside
};

class DeviceBuffer {
 public:
  // Every byte is kPoison.
  explicit DeviceBuffer(std::size_t bytes, Guards guards = Guards::bands);
  explicit DeviceBuffer(std::span<const std::byte> content, Guards guards = Guards::bands);
  // Reports a test failure if a guard band was written.
  ~DeviceBuffer();
  DeviceBuffer(const DeviceBuffer&) = delete;
  DeviceBuffer& operator=(const DeviceBuffer&) = delete;

  void* data() const { return base_ + band_; }
  std::size_t bytes() const { return bytes_; }

  void upload(std::span<const std::byte> content);
  std::vector<std::byte> download() const;
  void poison();
  bool guards_intact() const;

  // A NaN in every dtype, so that reads outside and elements never written show in the result.
  static constexpr int kPoison = 0xff;

 private:
  std::byte* base_ = nullptr;
  std::size_t bytes_ = 0;
  std::size_t band_ = 0;
};

}  // namespace foldconv::kernel_tests
