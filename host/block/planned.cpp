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
          .pad = step.pad,
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
  const bool last = step + 1 == data->steps.size();
  problem.residual = last && data->residual;
  problem.activation = last ? data->last : data->inner;
  if (step == 0) problem.pitch.x = pitch.x;
  // A downsample lies in y, where the last convolution adds to it.
  if (problem.residual) problem.pitch.residual = data->downsample ? pitch.y : pitch.x;
  if (last) problem.pitch.y = pitch.y;
  return problem;
}

ConvProblem PlannedBlock::downsample_problem() const {
  ConvProblem problem = problem_of(*data, *data->downsample, input);
  problem.pitch = {.x = pitch.x, .residual = 0, .y = pitch.y};
  return problem;
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
