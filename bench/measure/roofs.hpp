// SPDX-License-Identifier: MIT
// What the device can do at best, and how near to it something came.
//
//   floor = max(bytes / copy rate, FLOPs / matrix product rate)      share = floor / time
//
// On a GPU both rates are measured in the same run. On the emulator the floor is the library's own
// (foldconv/cost.hpp), launch by launch, for the device that is emulated.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "foldconv/cost.hpp"
#include "harness/time/samples.hpp"
#include "harness/ways/way.hpp"

namespace foldconv::tool {

struct Roof {
  double rate = 0;          // in bytes or operations per second; 0: not known
  double noise = 0;         // of the measurement
  std::string how = {};     // what was measured
  std::string reason = {};  // why the rate is not known

  bool known() const { return rate > 0; }
};

// `time` does so much. An Error of it is the reason why the roof is not known.
Roof measure_roof(const std::string& how, double amount,
                  const std::function<harness::Timing()>& time);

// cudaMemcpyAsync from device to device, `bytes` read and as many written: the driver's own copy,
// which knows nothing of foldconv's kernels.
Roof measure_copy(std::size_t bytes);

// 8192 x 8192 x 8192, fp16 in and out, fp32 sums, random values (zeros would draw less power), by
// the fastest of the algorithms that cuBLASLt proposes. `library`: libcublasLt.so.13, loaded now.
Roof measure_matrix_product(const char* library);

struct Roofs {
  Roof copy = {};  // bytes read and written
  Roof gemm = {};  // fp16 in, fp32 sums
  // What the events around nothing say: every time holds about as much that is no work.
  double empty_span_seconds = 0;
  DeviceSpeed model = {};  // of the emulated device
};

// Of the emulated device, which people call `title`.
Roofs roofs_of(const DeviceSpeed& model, const std::string& title);

// Of the GPU. Never fails: a roof that cannot be measured has a reason.
Roofs measure_roofs();

struct Floor {
  double seconds = 0;
  CostTerm limit = CostTerm::dram;  // of the longest launch
};

// By the roofs that are known; seconds are 0 where none is.
Floor floor_of(const harness::Work& work, const Roofs& roofs);

// The sum over the launches: they do not overlap.
Floor floor_of(const std::vector<LaunchCost>& launches, const DeviceSpeed& model);

}  // namespace foldconv::tool
