// SPDX-License-Identifier: MIT
// Device memory that frees itself, and checked runtime calls and launches.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "harness.hpp"

namespace cuemu_tests {

inline bool expect_success(const char* file, int line, const char* what, cudaError_t status) {
  if (status == cudaSuccess) return true;
  report_failure(file, line, std::string(what) + ": " + cudaGetErrorName(status));
  return false;
}

inline bool expect_status(const char* file, int line, const char* what, cudaError_t status,
                          cudaError_t expected) {
  return expect_equal(file, line, what, std::string(cudaGetErrorName(status)),
                      std::string(cudaGetErrorName(expected)));
}

template <class T>
class DeviceBuffer {
 public:
  explicit DeviceBuffer(size_t count) : count_(count) {
    expect_success(__FILE__, __LINE__, "cudaMalloc", cudaMalloc(&data_, bytes()));
  }
  explicit DeviceBuffer(const std::vector<T>& values) : DeviceBuffer(values.size()) {
    upload(values);
  }
  ~DeviceBuffer() { cudaFree(data_); }
  DeviceBuffer(const DeviceBuffer&) = delete;
  DeviceBuffer& operator=(const DeviceBuffer&) = delete;

  T* get() const { return data_; }
  size_t size() const { return count_; }
  size_t bytes() const { return count_ * sizeof(T); }

  void upload(const std::vector<T>& values) {
    expect_success(__FILE__, __LINE__, "upload",
                   cudaMemcpy(data_, values.data(), bytes(), cudaMemcpyHostToDevice));
    // It may still be on its way, and a non-blocking stream would not wait for it.
    expect_success(__FILE__, __LINE__, "upload", cudaStreamSynchronize(cudaStreamLegacy));
  }
  void fill_bytes(int byte) {
    expect_success(__FILE__, __LINE__, "cudaMemset", cudaMemset(data_, byte, bytes()));
  }
  std::vector<T> download() const {
    std::vector<T> values(count_);
    expect_success(__FILE__, __LINE__, "download",
                   cudaMemcpy(values.data(), data_, bytes(), cudaMemcpyDeviceToHost));
    return values;
  }

 private:
  T* data_ = nullptr;
  size_t count_;
};

// For outputs: zeroed, so that elements a kernel failed to write are seen.
template <class T>
DeviceBuffer<T> zeroed(size_t count) {
  return DeviceBuffer<T>(std::vector<T>(count));
}

template <class T>
void expect_values(const char* file, int line, const std::vector<T>& actual,
                   const std::vector<T>& expected) {
  int reported = 0;
  expect_equal(file, line, "number of values", actual.size(), expected.size());
  for (size_t i = 0; i < actual.size() && i < expected.size() && reported < 4; ++i) {
    reported +=
        !expect_equal(file, line, "value", actual[i], expected[i], "at index " + std::to_string(i));
  }
}

inline bool has_compute_capability_9() {
  int major = 0;
  expect_success(__FILE__, __LINE__, "cudaDeviceGetAttribute",
                 cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, 0));
  return major >= 9;
}

}  // namespace cuemu_tests

#define CUDA_OK(call) cuemu_tests::expect_success(__FILE__, __LINE__, #call, call)

// Expects that very error code. Does not clear it.
#define EXPECT_STATUS(call, expected) \
  cuemu_tests::expect_status(__FILE__, __LINE__, #call, call, expected)

// Launches and waits; any error is a test failure. Parenthesise a kernel whose template arguments
// hold commas.
#define LAUNCH(kernel, grid, block, ...)  \
  do {                                    \
    kernel<<<grid, block>>>(__VA_ARGS__); \
    CUDA_OK(cudaGetLastError());          \
    CUDA_OK(cudaDeviceSynchronize());     \
  } while (false)

// Compares all elements of two vectors, reporting the first few that differ.
#define EXPECT_VALUES(actual, ...) \
  cuemu_tests::expect_values(__FILE__, __LINE__, actual, __VA_ARGS__)
