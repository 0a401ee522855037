// SPDX-License-Identifier: MIT
// A block at its place in a plan.
#pragma once

#include <string>
#include <string_view>

#include "base/device.hpp"
#include "block/data.hpp"
#include "block/launches.hpp"

namespace foldconv::host {

struct PlannedBlock {
  const BlockData* data;
  int index;
  Shape input;
  BlockPitches pitch = {};  // of its x and y

  BlockTensor x() const { return {BlockTensor::Role::output, index - 1}; }
  BlockTensor t1() const { return {BlockTensor::Role::t1, index}; }
  BlockTensor t2() const { return {BlockTensor::Role::t2, index}; }
  BlockTensor y() const { return {BlockTensor::Role::output, index}; }

  // The convolution `step` of the block with its input; `step` may be the number of steps: the output.
  Shape shape_before(std::size_t step) const;
  Shape output() const { return shape_before(data->steps.size()); }
  ConvProblem problem(std::size_t step) const;
  ConvProblem downsample_problem() const;
};

struct PlanContext {
  DeviceFigures device;
  DeviceSpeed speed;
  std::string_view kernel = {};                    // BlockPlanOptions::kernel
  Instructions instructions = Instructions::sm80;  // of all convolutions: sm80 or sm90
};

inline Status not_offered(std::string reason) {
  return Status(ErrorCode::unsupported, std::move(reason));
}

// Weights, scale and bias of a convolution.
BlockConv block_conv(const Conv& conv);

// Loads the kernel; CTAs that an SM runs at a time. Errors: cuda_error, or no offer where none fits.
Result<int> prepare_resident(EntryPoint entry, const LaunchShape& shape,
                             const PlanContext& context);

}  // namespace foldconv::host
