// The steps that layers are made of.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "compute/expected.hpp"
#include "compute/step.hpp"
#include "foldconv/conv.hpp"
#include "foldconv/pointwise.hpp"

namespace foldconv::tool {

// The arrays of a BatchNorm on the device.
struct DeviceBatchNorm {
  DeviceBuffer gamma, beta, mean, variance;
  float eps = 0;

  static Result<DeviceBatchNorm> upload(const BatchNorm& batch_norm);
  pointwise::BatchNormArrays arrays() const;
};

// Everything that is pointed to must outlive the steps.
struct ConvStep {
  const DeviceBuffer* x = nullptr;
  const DeviceBuffer* residual = nullptr;  // where the problem has one
  const DeviceBuffer* y = nullptr;
  const DeviceBuffer* workspace = nullptr;
  int distinct = 1;
  // Of the distinct images, from x and the residual as they are.
  std::function<oracle::Expected(std::vector<float> x, std::vector<float> residual)> expected;
};
Step conv_step(const ConvPlan& plan, ConvStep step);

// In place on y.
Step batch_norm_step(const Images& images, const DeviceBatchNorm& arrays,
                     const BatchNorm& batch_norm, const DeviceBuffer& y);
Step add_step(const Images& images, const DeviceBuffer& z, const DeviceBuffer& y);
Step activation_step(const Images& images, Activation activation, float alpha,
                     const DeviceBuffer& y);

}  // namespace foldconv::tool
