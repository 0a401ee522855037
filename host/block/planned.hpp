// A block at its place in a plan, and what the offers for its parts have in common.
//
// An offer is a launch that a kernel makes of a part of a block; or ErrorCode::unsupported, whose
// message is the reason alone: which rule, which value.
#pragma once

#include <initializer_list>
#include <string>

#include "base/device.hpp"
#include "block/data.hpp"
#include "block/launches.hpp"

namespace foldconv::host {

struct PlannedBlock {
  const Block::Data* data;
  int index;
  Shape input;

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
};

inline Status not_offered(std::string reason) {
  return Status(ErrorCode::unsupported, std::move(reason));
}

// Weights, scale and bias of a convolution.
BlockConv block_conv(const Conv& conv);

// "" if kernels can index all the tensors with 32 bits.
std::string index_rule(std::initializer_list<Shape> shapes);

// Loads the kernel; CTAs over those that run at a time. Errors: cuda_error, or no offer where a CTA
// does not fit.
Result<double> prepare_waves(EntryPoint entry, const LaunchShape& shape,
                             const PlanContext& context);

// A whole block as one launch.
Result<BlockLaunch> offer_whole(const PlannedBlock& block, const PlanContext& context);

// conv2 and conv3 as one launch, and conv1 of `next` with them unless it is null.
Result<BlockLaunch> offer_tail(const PlannedBlock& block, const PlannedBlock* next,
                               const PlanContext& context);

// conv3 and the downsample of a block that has them joined as one launch.
Result<BlockLaunch> offer_joined(const PlannedBlock& block, const PlanContext& context);

}  // namespace foldconv::host
