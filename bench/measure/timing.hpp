// Times of kernels on a GPU.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

#include "foldconv/status.hpp"
#include "measure/repetition.hpp"

namespace foldconv::tool {

using Launches = std::function<Status(cudaStream_t)>;

struct TimingOptions {
  bool cold = true;          // the L2 cache is overwritten before each run
  bool warm = true;          // runs back to back, the first of them not timed
  std::size_t l2_bytes = 0;  // of the cache
  RepetitionLimits limits;
};

// Of one element; what was not asked for is not there.
struct Timings {
  std::optional<Timing> cold, warm;
};

// Times each element of `work`. Rounds are CUDA graphs, so that the CPU has no part in the times;
// within a round the elements take turns, so that a change of the clock meets all of them alike.
// A cold sample is one run between two events; a warm one the mean of as many runs as fill a
// hundred microseconds. Errors: cuda_error, out_of_memory, and those of `work`.
Result<std::vector<Timings>> time_interleaved(const std::vector<Launches>& work,
                                              const TimingOptions& options);

// ok, or why this work cannot be captured into a graph, and so not be timed.
Status check_capture(const Launches& work);

}  // namespace foldconv::tool
