// Three ways to compute the same layer, as lists of kernel launches:
//   fused    one launch: the convolution with BatchNorm folded in, residual and activation
//   chain    the same convolution kernel alone, then BatchNorm, add and activation, a launch each
//   unfused  the same steps with the convolution that uses no tensor cores
// The separate steps work in place on y. What the layer does not have is no step.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "device_buffer.hpp"
#include "workload.hpp"

namespace foldconv::tool {

// Tensors of a workload on the device, for all implementations.
struct DeviceTensors {
  DeviceBuffer x, residual, y, workspace;
  DeviceBuffer gamma, beta, mean, variance;

  static Result<std::unique_ptr<DeviceTensors>> create(const Workload& workload);
};

// One launch. It reads what the step before left in y (the first: x) and writes y.
struct Step {
  std::string what;
  std::function<Status(cudaStream_t)> launch;
  // What y must hold afterwards for the distinct images, given what it held before. A step is
  // judged by the very values it read, so that the roundings between the steps need no allowance.
  std::function<reference::Expected(const std::vector<float>& before)> expected;
};

struct Implementation {
  std::string name;
  std::string kernel;  // of the convolution
  std::vector<Step> steps;
};

// Both arguments must outlive the result. Errors: what Conv and plan() say.
Result<std::vector<Implementation>> make_implementations(const Workload& workload,
                                                         DeviceTensors& tensors,
                                                         const std::string& pinned_kernel);

}  // namespace foldconv::tool
