// SPDX-License-Identifier: MIT
#include "harness/ways/work.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace foldconv::harness {
namespace {

double elements(const Shape& shape) {
  return static_cast<double>(shape.elements());
}

// How many of `size` rows (or columns) some tap of some output meets.
double met(int size, int outputs, int stride, int pad, int taps, int dilation) {
  std::vector<bool> read(static_cast<std::size_t>(size));
  for (int output = 0; output < outputs; ++output) {
    for (int tap = 0; tap < taps; ++tap) {
      const std::int64_t at = std::int64_t{output} * stride - pad + std::int64_t{tap} * dilation;
      if (at >= 0 && at < size) read[static_cast<std::size_t>(at)] = true;
    }
  }
  return static_cast<double>(std::ranges::count(read, true));
}

double input_elements(const ConvProblem& problem) {
  const Shape y = problem.output();
  return met(problem.h, y.h, problem.stride.h, problem.pad.top, problem.r, problem.dilation.h) *
         met(problem.w, y.w, problem.stride.w, problem.pad.left, problem.s, problem.dilation.w) *
         problem.n * problem.c;
}

double weight_elements(const ConvProblem& problem) {
  return static_cast<double>(problem.k) * problem.r * problem.s * problem.c / problem.groups;
}

}  // namespace

Work work_of(const ConvProblem& problem) {
  const double outputs = elements(problem.output()) * (problem.residual ? 2 : 1);
  const double scale_and_bias = 2.0 * sizeof(float) * problem.k;
  return {.bytes = (input_elements(problem) + weight_elements(problem) + outputs) *
                       static_cast<double>(size_of(problem.dtype)) +
                   scale_and_bias,
          .flops = problem.flops()};
}

Work least_work(const Problem& problem) {
  const auto convs = problem.convs();
  if (!problem.blocks) return work_of(convs.front()->problem);
  double operands = elements(problem.input().shape) + elements(problem.output().shape);
  for (const LineConv* conv : convs) operands += weight_elements(conv->problem);
  return {.bytes = operands * static_cast<double>(size_of(problem.dtype())),
          .flops = problem.flops()};
}

}  // namespace foldconv::harness
