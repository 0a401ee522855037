#include "measure/work.hpp"

#include <algorithm>

#include "compute/block_convs.hpp"
#include "compute/selection.hpp"

namespace foldconv::tool {
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

double weights(const ConvProblem& problem) {
  return static_cast<double>(problem.k) * problem.r * problem.s * problem.c / problem.groups;
}

double input_elements(const ConvProblem& problem) {
  const Shape y = problem.output();
  return met(problem.h, y.h, problem.stride.h, problem.pad.top, problem.r, problem.dilation.h) *
         met(problem.w, y.w, problem.stride.w, problem.pad.left, problem.s, problem.dilation.w) *
         problem.n * problem.c;
}

double batch_norm_bytes(int channels) {
  return 4.0 * sizeof(float) * channels;  // gamma, beta, mean, variance
}

}  // namespace

Work& Work::operator+=(const Work& other) {
  bytes += other.bytes;
  flops += other.flops;
  return *this;
}

Work work_of(const ConvProblem& problem) {
  const double outputs = elements(problem.output()) * (problem.residual ? 2 : 1);
  const double scale_and_bias = 2.0 * sizeof(float) * problem.k;
  return {.bytes = (input_elements(problem) + weights(problem) + outputs) *
                       static_cast<double>(size_of(problem.dtype)) +
                   scale_and_bias,
          .flops = problem.flops()};
}

Work work_of(const BlockWorkload& workload) {
  Work work;
  Shape shape = workload.input().shape;
  double operands = elements(shape);
  for (const BlockData& block : workload.blocks) {
    const BlockConvs convs = convs_of(block.weights, workload.dtype, shape);
    work.flops += convs.flops();
    operands += convs.weight_elements();
    shape = convs.output();
  }
  work.bytes = (operands + elements(shape)) * static_cast<double>(size_of(workload.dtype));
  return work;
}

Work separate_work_of(const ConvProblem& problem, bool batch_norm) {
  ConvProblem alone = problem;
  alone.residual = false;
  Work work = work_of(alone);
  const double tensor = elements(problem.output()) * static_cast<double>(size_of(problem.dtype));
  if (batch_norm) work.bytes += 2 * tensor + batch_norm_bytes(problem.k);
  if (problem.residual) work.bytes += 3 * tensor;
  if (problem.activation != Activation::none) work.bytes += 2 * tensor;
  return work;
}

Work separate_work_of(const BlockWorkload& workload) {
  Work work;
  Shape shape = workload.input().shape;
  for (const BlockData& block : workload.blocks) {
    const BlockConvs convs = convs_of(block.weights, workload.dtype, shape);
    const auto add = [&work](const BlockConv& conv) {
      work += separate_work_of(conv.problem, conv.layer->batch_norm.has_value());
    };
    if (convs.downsample) add(*convs.downsample);
    std::ranges::for_each(convs.line, add);
    shape = convs.output();
  }
  return work;
}

// One launch for each convolution, the projection's too.
Work line_work_of(const BlockWorkload& workload) {
  Work work;
  Shape shape = workload.input().shape;
  for (const BlockData& block : workload.blocks) {
    const BlockConvs convs = convs_of(block.weights, workload.dtype, shape);
    if (convs.downsample) work += work_of(convs.downsample->problem);
    for (const BlockConv& conv : convs.line) work += work_of(conv.problem);
    shape = convs.output();
  }
  return work;
}

std::vector<Work> works_of(const std::vector<Implementation>& implementations,
                           const ConvProblem& problem, bool batch_norm) {
  std::vector<Work> works;
  for (const Implementation& implementation : implementations) {
    works.push_back(implementation.steps.size() > 1 ? separate_work_of(problem, batch_norm)
                                                    : work_of(problem));
  }
  return works;
}

std::vector<Work> works_of(const std::vector<Implementation>& implementations,
                           const BlockWorkload& workload, const BlockExplanation& explanation) {
  std::vector<Work> works;
  for (const Implementation& implementation : implementations) {
    const std::string& name = implementation.name;
    const auto cut = std::ranges::find_if(explanation.cuts, [&name](const CutFigures& figures) {
      const bool mixture = figures.cut == BlockCut::automatic;
      return name == (mixture ? "planned" : to_string(figures.cut));
    });
    if (cut != explanation.cuts.end()) {
      works.push_back({.bytes = cut->dram_bytes, .flops = cut->flops});
    } else if (name == kCudnn) {
      works.push_back(line_work_of(workload));
    } else {
      const bool separate = name == "separate" || name == kCudnnUnfused;
      works.push_back(separate ? separate_work_of(workload) : work_of(workload));
    }
  }
  return works;
}

}  // namespace foldconv::tool
