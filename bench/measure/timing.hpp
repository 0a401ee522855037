// Times of kernels on a GPU.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <functional>
#include <vector>

#include "foldconv/status.hpp"

namespace foldconv::tool {

using Launches = std::function<Status(cudaStream_t)>;

struct Timing {
  double seconds = 0;  // median
  double noise = 0;    // median absolute deviation / median
  std::size_t samples = 0;
};

// The median and its noise of a set of samples, which is reordered. Requires at least one sample.
Timing summarize(std::vector<double>& seconds);

// Times each element of `work` with a cold L2 cache. All rounds are one CUDA graph, so that the CPU
// has no part in the times; within a round the elements take turns, so that a change of the clock
// meets all of them alike. Errors: cuda_error, out_of_memory, and those of `work`.
Result<std::vector<Timing>> time_interleaved(const std::vector<Launches>& work,
                                             std::size_t l2_bytes);

}  // namespace foldconv::tool
