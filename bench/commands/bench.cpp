// bench: implementations side by side; each is checked before a figure is printed for it.
#include "commands/commands.hpp"
#include "measure/measure.hpp"
#include "report/bench_report.hpp"

namespace foldconv::tool {
namespace {

BenchProblem describe(const Descriptor& descriptor, const ConvProblem& problem) {
  return {.name = descriptor.name,
          .label = label(descriptor),
          .descriptor = to_descriptor(problem),
          .images = problem.n,
          .work = validate(problem).ok() ? work_of(problem) : Work{}};
}

BenchProblem describe(const BlockDescriptor& descriptor) {
  return {.name = descriptor.name,
          .label = label(descriptor),
          .descriptor = to_descriptor(descriptor.problem, descriptor.blocks),
          .images = descriptor.problem.n};
}

BenchProblem describe(const BlockDescriptor& descriptor, const BlockWorkload& workload) {
  BenchProblem described = describe(descriptor);
  described.work = work_of(workload);
  return described;
}

}  // namespace

int run_bench(const Options& options, const Device& device, const ProblemList& list,
              Report& report) {
  const Roofs roofs = device.emulated ? roofs_of(choose_model(options.model, device.architecture))
                                      : measure_roofs(device);
  BenchReport out(options, device, roofs, label_width(list), report);
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
      write(describe(descriptor, *workload), measure(*workload, options, device, roofs, progress));
    } else {
      write(describe(descriptor), workload.status());
    }
  }
  if (!list.problems.empty()) out.begin_layers();
  for (const Descriptor& descriptor : list.problems) {
    progress.next(label(descriptor));
    const ConvProblem problem = apply(options, descriptor.problem);
    write(describe(descriptor, problem), measure(problem, options, device, roofs, progress));
  }
  return out.end();
}

}  // namespace foldconv::tool
