// validate: is the fused kernel right, repeatable, and independent of the batch?
#include <utility>

#include "commands.hpp"
#include "device_buffer.hpp"
#include "judge.hpp"
#include "progress.hpp"
#include "workload.hpp"

namespace foldconv::tool {
namespace {

struct Finding {
  std::string kernel;
  Verdict verdict;               // of the first run
  bool repeatable = false;       // two runs, the same bits
  bool batch_invariant = false;  // alone, first and last in a larger batch: the same bits
  bool in_bounds = false;        // nothing was written around y

  bool pass() const { return verdict.pass && repeatable && batch_invariant && in_bounds; }
};

struct Output {
  std::vector<std::byte> y;
  bool in_bounds = false;
};

// Runs the plan once on poisoned memory.
Result<Output> run_once(const ConvPlan& plan, const DeviceBuffer& x, const DeviceBuffer& residual) {
  const ConvProblem& problem = plan.problem();
  const auto elements = static_cast<std::size_t>(problem.output().elements());
  Result<DeviceBuffer> y = DeviceBuffer::allocate(elements * size_of(problem.dtype));
  if (!y) return y.status();
  Result<DeviceBuffer> workspace = DeviceBuffer::allocate(plan.workspace_bytes());
  if (!workspace) return workspace.status();
  if (Status status = y->poison(); !status) return status;

  Status status = plan.run({.x = x.data(),
                            .residual = problem.residual ? residual.data() : nullptr,
                            .y = y->data(),
                            .workspace = workspace->data(),
                            .workspace_bytes = workspace->bytes()});
  if (!status) return status;
  status = cuda_status(cudaDeviceSynchronize(), "running " + plan.explanation().kernel);
  if (!status) return status;

  Result<std::vector<std::byte>> bytes = y->download();
  if (!bytes) return bytes.status();
  Result<bool> intact = y->intact();
  if (!intact) return intact.status();
  return Output{std::move(*bytes), *intact};
}

Result<Finding> examine(const ConvProblem& problem, const Options& options, Progress& progress) {
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
  finding.kernel = plan->explanation().kernel;
  finding.verdict = judge(workload.y(), expected_of(workload, problem, *folded), first->y);
  finding.repeatable = first->y == second->y;
  finding.batch_invariant = followed_by_first_image(first->y, problem.n) == batch->y;
  finding.in_bounds = first->in_bounds && second->in_bounds && batch->in_bounds;
  if (finding.verdict.reason.empty() && !finding.in_bounds) {
    finding.verdict.reason = "the kernel wrote outside of y";
  }
  return finding;
}

Row to_row(const Descriptor& descriptor, const ConvProblem& problem,
           const Result<Finding>& examined, int width) {
  const Finding finding = examined ? *examined : Finding{};
  const auto known = [&](Value value) { return examined ? value : Value(); };
  const std::string reason = examined ? finding.verdict.reason : examined.status().message();
  const auto cell = [&](const std::string& text) { return examined ? text : std::string("-"); };
  const auto yes_no = [&](bool yes) { return cell(yes ? "yes" : "NO"); };
  return {
      .fields = {{"name", descriptor.name},
                 {"descriptor", to_descriptor(problem)},
                 {"kernel", known(finding.kernel)},
                 {"max_abs_error", known(finding.verdict.max_abs_error)},
                 {"worst_share_of_bound", known(finding.verdict.worst_share)},
                 {"repeatable", known(finding.repeatable)},
                 {"batch_invariant", known(finding.batch_invariant)},
                 {"in_bounds", known(finding.in_bounds)},
                 {"pass", examined.ok() && finding.pass()},
                 {"reason", reason.empty() ? Value() : Value(reason)}},
      .cells = {clipped(label(descriptor), width), cell(finding.kernel),
                cell(short_number(finding.verdict.max_abs_error)),
                cell(fixed(finding.verdict.worst_share, 3)), yes_no(finding.repeatable),
                yes_no(finding.batch_invariant), examined.ok() && finding.pass() ? "PASS" : "FAIL"},
      .note = reason.empty() ? "" : "  " + wrapped(reason, 2)};
}

}  // namespace

int run_validate(const Options& options, const Device& device,
                 const std::vector<Descriptor>& problems, Report& report) {
  const int width = label_width(problems);
  Heading heading{.fields = heading_fields(options, device),
                  .preamble = heading_lines(options, device),
                  .columns = {{"problem", width, true},
                              {"kernel", 36, true},
                              {"max error", 9, false},
                              {"of bound", 8, false},
                              {"repeat", 6, false},
                              {"batch", 6, false},
                              {"result", 6, false}}};
  heading.preamble.insert(
      heading.preamble.end(),
      {"max error: largest difference to the fp64 reference; of bound: worst share of the computed "
       "error bound",
       "repeat: two runs gave the same bits; batch: so did a larger batch, for a copy at its end"});
  report.begin(heading);

  std::size_t passed = 0;
  double worst = 0;
  std::string worst_label;
  Progress progress(problems.size());
  for (const Descriptor& descriptor : problems) {
    progress.next(label(descriptor));
    const ConvProblem problem = apply(options, descriptor.problem);
    Result<Finding> examined = examine(problem, options, progress);
    if (!examined) examined = with_fault(examined.status());
    if (examined && examined->pass()) ++passed;
    if (examined && examined->verdict.worst_share >= worst) {
      worst = examined->verdict.worst_share;
      worst_label = label(descriptor);
    }
    progress.clear();
    report.row(to_row(descriptor, problem, examined, width));
  }

  const bool all = passed == problems.size();
  std::string line =
      std::to_string(passed) + " of " + counted(problems.size(), "problem") + " passed";
  if (!worst_label.empty()) {
    line += "; worst share of the error bound " + fixed(worst, 3) + " (" + worst_label + ")";
  }
  report.end({{"problems", static_cast<std::int64_t>(problems.size())},
              {"passed", static_cast<std::int64_t>(passed)},
              {"worst_share_of_bound", worst}},
             {"", line});
  return all ? kExitSuccess : kExitFailure;
}

}  // namespace foldconv::tool
