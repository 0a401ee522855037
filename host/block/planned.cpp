// SPDX-License-Identifier: MIT
#include "block/planned.hpp"

#include "conv/conv_data.hpp"

namespace foldconv::host {
namespace {

ConvProblem problem_of(const BlockData& block, const BlockStep& step, const Shape& x) {
  return {.dtype = block.dtype,
          .n = x.n,
          .h = x.h,
          .w = x.w,
          .c = step.c,
          .k = step.k,
          .r = step.r,
          .s = step.r,
          .stride = {step.stride, step.stride},
          .pad = {step.r / 2, step.r / 2, step.r / 2, step.r / 2},
          .groups = step.groups};
}

}  // namespace

Shape PlannedBlock::shape_before(std::size_t step) const {
  Shape shape = input;
  for (std::size_t i = 0; i < step; ++i) {
    shape = problem_of(*data, data->steps[i], shape).output();
  }
  return shape;
}

ConvProblem PlannedBlock::problem(std::size_t step) const {
  ConvProblem problem = problem_of(*data, data->steps[step], shape_before(step));
  problem.residual = step + 1 == data->steps.size();
  problem.activation = problem.residual ? data->last : data->inner;
  return problem;
}

ConvProblem PlannedBlock::downsample_problem() const {
  return problem_of(*data, *data->downsample, input);
}

BlockConv block_conv(const Conv& conv) {
  const ConvData& data = Internals::data(conv);
  return {data.weights, data.scale, data.bias};
}

Result<int> prepare_resident(EntryPoint entry, const LaunchShape& shape,
                             const PlanContext& context) {
  const Result<KernelFigures> kernel =
      prepare_kernel(entry(), static_cast<int>(shape.threads), shape.shared_bytes, context.device);
  if (!kernel.ok()) return kernel.status();
  if (kernel->ctas_per_sm == 0) return not_offered("a CTA does not fit into an SM");
  return kernel->ctas_per_sm;
}

}  // namespace foldconv::host
