#include <algorithm>
#include <utility>

#include "report/findings.hpp"

namespace foldconv::tool {
namespace {

Result<Finding> examine_cut(const std::vector<Block>& blocks, const BlockWorkload& workload,
                            const DeviceBuffer& x, BlockCut cut, const BlockReference& reference) {
  Finding finding;
  finding.cut = cut == BlockCut::automatic ? "planned" : to_string(cut);
  BlockProblem larger = workload.problem;
  ++larger.n;
  Result<BlockPlan> plan = plan_blocks(blocks, workload.problem, cut);
  if (!plan && plan.status().code() == ErrorCode::unsupported) {
    finding.refusal = refusal_of(blocks, workload.problem, cut, plan.status());
    return finding;
  }
  if (!plan) return plan.status();
  Result<BlockPlan> larger_plan = plan_blocks(blocks, larger, cut);
  if (!larger_plan) return larger_plan.status();

  Result<Output> first = run_once(*plan, workload.dtype, x);
  if (!first) return first.status();
  Result<Output> second = run_once(*plan, workload.dtype, x);
  if (!second) return second.status();
  Result<Output> batch = run_once(*larger_plan, workload.dtype, x);
  if (!batch) return batch.status();

  finding.kernels = kernels_of(*plan);
  if (cut == BlockCut::automatic) finding.taken = to_string(plan->explanation().cut);
  finding.verdict = judge_cut(reference, first->y);
  if (cut == BlockCut::chain) {
    finding.verdict.max_abs_error =
        std::max(finding.verdict.max_abs_error, reference.verdict.max_abs_error);
    finding.verdict.worst_share =
        std::max(finding.verdict.worst_share, reference.verdict.worst_share);
  }
  compare_runs({std::move(*first), std::move(*second), std::move(*batch)}, workload.problem.n,
               finding);
  return finding;
}

}  // namespace

Result<std::vector<Finding>> examine_blocks(const BlockWorkload& workload, Progress& progress) {
  Result<std::vector<Block>> blocks = create_blocks(workload);
  if (!blocks) return blocks.status();
  progress.doing("its convolutions one by one");
  Result<BlockReference> reference = reference_of(workload, *blocks);
  if (!reference) return reference.status();
  // The smaller batch reads the first images of the larger one's buffer.
  const int images = workload.problem.n;
  Result<DeviceBuffer> x =
      DeviceBuffer::upload(followed_by_first_image(workload.encoded_x(images), images));
  if (!x) return x.status();

  std::vector<Finding> findings;
  for (const BlockCut cut :
       {BlockCut::chain, BlockCut::whole, BlockCut::tails, BlockCut::automatic}) {
    progress.doing(std::string("running ") + to_string(cut));
    Result<Finding> finding = examine_cut(*blocks, workload, *x, cut, *reference);
    if (!finding) return finding.status();
    findings.push_back(std::move(*finding));
  }
  return findings;
}

}  // namespace foldconv::tool
