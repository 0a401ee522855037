// SPDX-License-Identifier: MIT
// Tensors that nobody could compute, on the emulator's sparse memory: of a grid, a few CTAs run.
#pragma once

#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "cuemu.h"
#include "harness/error.hpp"

namespace foldconv::kernel_tests {

// Device memory of which little is ever touched.
class LargeTensors : public testing::Test {
 protected:
  void SetUp() override {
    if (cuemu_present() == 0) GTEST_SKIP() << "needs sparse memory and single CTAs";
    sparse_ = cuemu_set_switch("sparse", 1);
  }
  void TearDown() override {
    cuemu_run_ctas(0, 0);
    for (void* buffer : buffers_) cudaFree(buffer);
    if (cuemu_present() != 0) cuemu_set_switch("sparse", sparse_);
  }

  std::byte* allocate(std::int64_t bytes) {
    void* buffer = nullptr;
    harness::check(cudaMalloc(&buffer, static_cast<std::size_t>(bytes)), "cudaMalloc");
    buffers_.push_back(buffer);
    return static_cast<std::byte*>(buffer);
  }
  static void put(std::byte* to, std::span<const std::byte> bytes) {
    harness::check(cudaMemcpy(to, bytes.data(), bytes.size(), cudaMemcpyHostToDevice), "upload");
  }
  static std::vector<std::byte> get(const std::byte* from, std::size_t count) {
    std::vector<std::byte> bytes(count);
    harness::check(cudaMemcpy(bytes.data(), from, count, cudaMemcpyDeviceToHost), "download");
    return bytes;
  }
  // Of the launches that run() makes, only CTAs `first` to first + count - 1 run; -1 is the last one.
  template <class Run>
  static void run_ctas(std::int64_t first, std::uint64_t count, Run&& run) {
    cuemu_run_ctas(first, count);
    run();
    harness::check(cudaDeviceSynchronize(), "the kernel");
    cuemu_run_ctas(0, 0);
  }

 private:
  std::vector<void*> buffers_;
  int sparse_ = 0;
};

}  // namespace foldconv::kernel_tests
