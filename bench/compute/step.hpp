// One way to compute something, as a list of steps that can be checked, counted and timed.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "compute/device_buffer.hpp"
#include "compute/judge.hpp"

namespace foldconv::tool {

// One or more launches that write one tensor.
struct Step {
  std::string what;
  std::function<Status(cudaStream_t)> launch;
  // What the judge needs of the tensors that the step reads; they are fetched before it runs,
  // because it may write one in place.
  std::vector<const DeviceBuffer*> reads;
  const DeviceBuffer* writes = nullptr;
  // A step is judged by the very values it read, so that the roundings between the steps need no
  // allowance.
  using Tensor = std::vector<std::byte>;
  std::function<Verdict(const std::vector<Tensor>& read, const Tensor& written)> judge;
  std::size_t launches = 1;
};

struct Implementation {
  std::string name;
  std::string kernel;  // of the convolution; several: separated by spaces
  std::vector<Step> steps;
  // All that the steps may write: filled with NaN before the first, guard bands read after the last.
  std::vector<const DeviceBuffer*> buffers;
  std::string refusal = {};  // why there are no steps
  bool planned = false;      // what plan() takes by itself
};

}  // namespace foldconv::tool
