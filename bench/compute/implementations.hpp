// Three ways to compute the same layer, as lists of kernel launches:
//   fused    one launch: the convolution with BatchNorm folded in, residual and activation
//   chain    the same convolution kernel alone, then BatchNorm, add and activation, a launch each
//   unfused  the same steps with the convolution that uses no tensor cores
// The separate steps work in place on y. What the layer does not have is no step.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "compute/device_buffer.hpp"
#include "compute/layer_steps.hpp"
#include "compute/step.hpp"
#include "compute/workload.hpp"

namespace foldconv::tool {

// Tensors of a workload on the device, for all implementations.
struct DeviceTensors {
  DeviceBuffer x, residual, y, workspace;
  DeviceBatchNorm batch_norm;

  static Result<std::unique_ptr<DeviceTensors>> create(const Workload& workload);
};

// Both arguments must outlive the result. Errors: what Conv and plan() say.
Result<std::vector<Implementation>> make_implementations(const Workload& workload,
                                                         DeviceTensors& tensors,
                                                         const std::string& pinned_kernel);

}  // namespace foldconv::tool
