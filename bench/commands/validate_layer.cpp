#include <utility>

#include "compute/workload.hpp"
#include "report/findings.hpp"

namespace foldconv::tool {

Result<Finding> examine_layer(const ConvProblem& problem, const Options& options,
                              Progress& progress) {
  if (Status status = foldconv::validate(problem); !status) return status;
  const Workload workload = make_workload(problem, options);
  Result<FoldedConv> folded = workload.folded();
  if (!folded) return folded.status();
  Result<Conv> conv = Conv::create(*folded);
  if (!conv) return conv.status();

  ConvProblem larger = problem;
  larger.n = problem.n + 1;
  const PlanOptions plan_options{.kernel = options.kernel};
  Result<ConvPlan> plan = conv->plan(problem, plan_options);
  if (!plan) return plan.status();
  Result<ConvPlan> larger_plan = conv->plan(larger, plan_options);
  if (!larger_plan) return larger_plan.status();

  // The smaller batch reads the first images of the larger one's buffers.
  Result<DeviceBuffer> x =
      DeviceBuffer::upload(followed_by_first_image(workload.x(problem.n), problem.n));
  if (!x) return x.status();
  Result<DeviceBuffer> residual = DeviceBuffer::allocate(0);
  if (problem.residual) {
    residual =
        DeviceBuffer::upload(followed_by_first_image(workload.residual(problem.n), problem.n));
  }
  if (!residual) return residual.status();

  progress.doing("running " + plan->explanation().kernel);
  Result<Output> first = run_once(*plan, *x, *residual);
  if (!first) return first.status();
  Result<Output> second = run_once(*plan, *x, *residual);
  if (!second) return second.status();
  Result<Output> batch = run_once(*larger_plan, *x, *residual);
  if (!batch) return batch.status();

  progress.doing("fp64 reference");
  Finding finding;
  finding.kernels = plan->explanation().kernel;
  finding.verdict = judge(workload.y(), expected_of(workload, problem, *folded), first->y);
  compare_runs({std::move(*first), std::move(*second), std::move(*batch)}, problem.n, finding);
  return finding;
}

}  // namespace foldconv::tool
