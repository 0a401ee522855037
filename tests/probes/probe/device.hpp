// SPDX-License-Identifier: MIT
// Device memory, checked calls, and what the device is.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

namespace foldconv::probes {

struct CudaError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Throws where a call of the runtime failed; after a launch, waits for the kernel first.
void check(cudaError_t status, const char* what);
void check_launch(cudaError_t status, const char* what);

struct Device {
  std::string name;
  int major = 0, minor = 0;
  int driver = 0, runtime = 0;
  bool emulated = false;
};
Device current_device();

template <class T>
class DeviceArray {
 public:
  // Zeroed, so that what a kernel failed to write is the same on every run.
  explicit DeviceArray(std::size_t count) : count_(count) {
    check(cudaMalloc(reinterpret_cast<void**>(&data_), bytes()), "cudaMalloc");
    check(cudaMemset(data_, 0, bytes()), "cudaMemset");
  }
  explicit DeviceArray(const std::vector<T>& values) : DeviceArray(values.size()) {
    check(cudaMemcpy(data_, values.data(), bytes(), cudaMemcpyHostToDevice), "upload");
  }
  ~DeviceArray() { cudaFree(data_); }
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;

  T* get() const { return data_; }
  std::vector<T> download() const {
    std::vector<T> values(count_);
    check(cudaMemcpy(values.data(), data_, bytes(), cudaMemcpyDeviceToHost), "download");
    return values;
  }

 private:
  std::size_t bytes() const { return count_ * sizeof(T); }
  T* data_ = nullptr;
  std::size_t count_;
};

}  // namespace foldconv::probes
