// SPDX-License-Identifier: MIT
// Times of kernels on a GPU.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "harness/device/buffer.hpp"
#include "harness/time/samples.hpp"

namespace foldconv::harness {

struct TimingOptions {
  bool cold = true;  // before each run the L2 cache is filled with other data, none of it dirty
  bool warm = true;  // runs back to back, the first of them not timed
  std::size_t l2_bytes = 0;  // of the cache
  RepetitionLimits limits = {};
};

// Of one element; what was not asked for is not there.
struct Timings {
  std::optional<Timing> cold, warm;
};

// Times each element of `work`. Rounds are CUDA graphs, so that the CPU has no part in the times;
// within a round the elements take turns, so that a change of the clock meets all of them alike.
// A cold sample is one run between two events; a warm one the mean of as many runs as fill a
// hundred microseconds. Throws Error (cuda_error, out_of_memory) and what `work` throws.
std::vector<Timings> time_interleaved(const std::vector<Launch>& work,
                                      const TimingOptions& options);

// "", or why this work cannot be captured into a graph, and so not be timed.
std::string why_not_captured(const Launch& work);

// One launch that reads every byte (but the last bytes % 16): its lines replace those in the L2
// cache, and none of them is dirty. May be captured.
void read_memory(const DeviceBuffer& buffer, cudaStream_t stream);

}  // namespace foldconv::harness
