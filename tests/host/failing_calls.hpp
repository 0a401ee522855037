// SPDX-License-Identifier: MIT
// Makes every CUDA call of a body fail once, one after the other.
#pragma once

#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <cstdint>

#include "cuemu.h"
#include "foldconv/status.hpp"

namespace foldconv::test {

inline std::uint64_t live_allocations() {
  cuemu_live live = {};
  cuemu_read_live(&live);
  return live.allocations;
}

// Each time, body() gives a clean error with `code`, and leaves no allocation and no CUDA error
// behind. Returns the number of its calls.
template <class Body>
int every_call_fails(Body body, cudaError_t error, ErrorCode code) {
  EXPECT_TRUE(body().ok());  // what the process looks up once is no part of it
  for (std::uint64_t n = 1; n < 10'000; ++n) {
    const std::uint64_t before = live_allocations();
    cuemu_fail_call(nullptr, n, error);
    const Status status = body();
    if (cuemu_cancel_failure() == 1) {
      EXPECT_TRUE(status.ok()) << status.message();
      return static_cast<int>(n) - 1;
    }
    EXPECT_EQ(to_string(status.code()), std::string(to_string(code)))
        << "call " << n << ": " << status.message();
    EXPECT_NE(status.message().find(cudaGetErrorName(error)), std::string::npos)
        << status.message();
    EXPECT_EQ(live_allocations(), before) << "call " << n;
    EXPECT_EQ(cudaGetLastError(), cudaSuccess) << "call " << n;
  }
  ADD_FAILURE() << "calls without end";
  return 0;
}

}  // namespace foldconv::test
