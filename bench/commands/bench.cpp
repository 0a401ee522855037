// bench: implementations side by side; each is checked before a figure is printed for it.
#include "commands/commands.hpp"
#include "compute/block_convs.hpp"
#include "measure/measure.hpp"
#include "report/bench_report.hpp"

namespace foldconv::tool {
namespace {

double elements(const Shape& shape) {
  return static_cast<double>(shape.elements());
}

BenchProblem describe(const Descriptor& descriptor, const ConvProblem& problem) {
  const double weights =
      static_cast<double>(problem.k) * problem.r * problem.s * problem.c / problem.groups;
  const double outputs = elements(problem.output()) * (problem.residual ? 2 : 1);
  const double scale_and_bias = 2.0 * sizeof(float) * problem.k;
  return {.name = descriptor.name,
          .label = label(descriptor),
          .descriptor = to_descriptor(problem),
          .flops = problem.flops(),
          .bytes = (elements(problem.input()) + weights + outputs) *
                       static_cast<double>(size_of(problem.dtype)) +
                   scale_and_bias};
}

BenchProblem describe(const BlockDescriptor& descriptor, const BlockProblem& problem) {
  return {.name = descriptor.name,
          .label = label(descriptor),
          .descriptor = to_descriptor(problem, descriptor.blocks)};
}

BenchProblem describe(const BlockDescriptor& descriptor, const BlockWorkload& workload) {
  BenchProblem described = describe(descriptor, workload.problem);
  Shape shape = workload.input().shape;
  double operands = elements(shape);
  for (const BlockData& block : workload.blocks) {
    const BlockConvs convs = convs_of(block.weights, workload.dtype, shape);
    described.flops += convs.flops();
    operands += convs.weight_elements();
    shape = convs.output();
  }
  described.bytes = (operands + elements(shape)) * static_cast<double>(size_of(workload.dtype));
  return described;
}

}  // namespace

int run_bench(const Options& options, const Device& device, const ProblemList& list,
              Report& report) {
  BenchReport out(options, device, label_width(list), report);
  Progress progress(list.blocks.size() + list.problems.size());
  const auto write = [&](const BenchProblem& problem,
                         const Result<std::vector<Measured>>& measured) {
    progress.clear();
    if (measured) {
      out.rows(problem, *measured);
    } else {
      out.failure(problem, with_fault(measured.status()));
    }
  };
  if (!list.blocks.empty()) out.begin_blocks();
  for (const BlockDescriptor& descriptor : list.blocks) {
    progress.next(label(descriptor));
    const Result<BlockWorkload> workload = make_block_workload(descriptor, options);
    if (workload) {
      write(describe(descriptor, *workload), measure(*workload, options, device, progress));
    } else {
      write(describe(descriptor, apply(options, descriptor.problem)), workload.status());
    }
  }
  if (!list.problems.empty()) out.begin_layers();
  for (const Descriptor& descriptor : list.problems) {
    progress.next(label(descriptor));
    const ConvProblem problem = apply(options, descriptor.problem);
    write(describe(descriptor, problem), measure(problem, options, device, progress));
  }
  return out.end();
}

}  // namespace foldconv::tool
