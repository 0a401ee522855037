// SPDX-License-Identifier: MIT
// Runs that are checked while an object lives, and memory of which something is wrong.
#pragma once

#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdlib>
#include <memory>

#include "cuemu.h"
#include "foldconv/checked_runs.hpp"

namespace foldconv::test {

// As they were again behind it.
class Checked {
 public:
  explicit Checked(bool checked = true) : before_(runs_are_checked()) { check_runs(checked); }
  ~Checked() { check_runs(before_); }
  Checked(const Checked&) = delete;
  Checked& operator=(const Checked&) = delete;

 private:
  bool before_;
};

// Another device, while the object lives.
class OnDevice {
 public:
  explicit OnDevice(int device) {
    EXPECT_EQ(cudaGetDevice(&before_), cudaSuccess);
    EXPECT_EQ(cudaSetDevice(device), cudaSuccess);
  }
  ~OnDevice() { EXPECT_EQ(cudaSetDevice(before_), cudaSuccess); }
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;

 private:
  int before_ = 0;
};

inline int devices() {
  int count = 0;
  EXPECT_EQ(cudaGetDeviceCount(&count), cudaSuccess);
  return count;
}

struct CudaFree {
  void operator()(void* memory) const { EXPECT_EQ(cudaFree(memory), cudaSuccess); }
};
struct CudaFreeHost {
  void operator()(void* memory) const { EXPECT_EQ(cudaFreeHost(memory), cudaSuccess); }
};
struct HostFree {
  void operator()(void* memory) const { std::free(memory); }
};
using DeviceBlock = std::unique_ptr<void, CudaFree>;
using PinnedBlock = std::unique_ptr<void, CudaFreeHost>;
using HostBlock = std::unique_ptr<void, HostFree>;

inline DeviceBlock on_device(std::size_t bytes) {
  void* memory = nullptr;
  EXPECT_EQ(cudaMalloc(&memory, bytes), cudaSuccess);
  return DeviceBlock(memory);
}
inline DeviceBlock managed(std::size_t bytes) {
  void* memory = nullptr;
  EXPECT_EQ(cudaMallocManaged(&memory, bytes), cudaSuccess);
  return DeviceBlock(memory);
}
inline PinnedBlock pinned(std::size_t bytes) {
  void* memory = nullptr;
  EXPECT_EQ(cudaMallocHost(&memory, bytes), cudaSuccess);
  return PinnedBlock(memory);
}
inline HostBlock on_host(std::size_t bytes) {
  return HostBlock(std::aligned_alloc(256, (bytes + 255) / 256 * 256));
}
// An address that was an allocation's. On a GPU it may be within another one by now.
inline void* freed(std::size_t bytes) {
  return on_device(bytes).get();
}

inline std::size_t launches() {
  return cuemu_read_launches(nullptr, 0);
}

}  // namespace foldconv::test
