#include "compute/block_reference.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "compute/expected.hpp"
#include "compute/expected_projection.hpp"
#include "compute/run_once.hpp"

namespace foldconv::tool {
namespace {

using Tensor = std::vector<std::byte>;

void merge(Verdict& worst, const Verdict& verdict, const std::string& what) {
  if (!verdict.pass && worst.pass) {
    worst.pass = false;
    worst.reason = what + ": " + verdict.reason;
  }
  worst.max_abs_error = std::max(worst.max_abs_error, verdict.max_abs_error);
  worst.worst_share = std::max(worst.worst_share, verdict.worst_share);
}

// One block of the workload: fills in the reference as if it were the last.
class Walk {
 public:
  Walk(const BlockWorkload& workload, BlockReference& reference)
      : workload_(workload), reference_(reference) {
    reference_.verdict.pass = true;
    reference_.images = workload.input();
    reference_.y = workload.encoded_x(workload.problem.n);
  }

  Status go_through(const BlockData& data, const Block& block, const std::string& prefix) {
    const Images input = reference_.images;
    const Tensor x = std::move(reference_.y);
    const BlockConvs convs = convs_of(data.weights, workload_.dtype, input.shape);
    reference_.images.shape = convs.output();

    Result<BlockPlan> chain =
        block.plan({input.shape.n, input.shape.h, input.shape.w}, {.cut = BlockCut::chain});
    if (!chain) return chain.status();
    Result<DeviceBuffer> x_on_device = DeviceBuffer::upload(x);
    if (!x_on_device) return x_on_device.status();
    Result<Output> output = run_once(*chain, workload_.dtype, *x_on_device);
    if (!output) return output.status();
    reference_.y = std::move(output->y);

    Tensor t = x;
    for (std::size_t i = 0; i + 1 < convs.line.size(); ++i) {
      if (Status status = run_and_judge(convs.line[i], prefix, Tensor(), t); !status) return status;
    }
    return convs.downsample && merges_projection(convs, *chain)
               ? judge_projection(convs, prefix, t, input.distinct_values(x))
               : compare_with_last(convs, prefix, t, x);
  }

 private:
  // t: from what the convolution reads to what it writes.
  Status run_and_judge(const BlockConv& conv, const std::string& prefix, const Tensor& residual,
                       Tensor& t) {
    const Result<FoldedConv> folded =
        fold(conv.layer->conv, conv.layer->batch_norm, {.dtype = workload_.dtype});
    if (!folded) return folded.status();
    Result<Conv> created = Conv::create(*folded);
    if (!created) return created.status();
    Result<ConvPlan> plan = created->plan(conv.problem);
    if (!plan) return plan.status();
    Result<DeviceBuffer> x = DeviceBuffer::upload(t);
    if (!x) return x.status();
    Result<DeviceBuffer> shortcut = DeviceBuffer::upload(residual);
    if (!shortcut) return shortcut.status();
    Result<Output> output = run_once(*plan, *x, *shortcut);
    if (!output) return output.status();

    const Images in{workload_.dtype, conv.problem.input(), workload_.distinct};
    const Images out{workload_.dtype, conv.problem.output(), workload_.distinct};
    ConvProblem distinct = conv.problem;
    distinct.n = workload_.distinct;
    expected_ =
        expected_conv(distinct, *folded, in.distinct_values(t),
                      conv.problem.residual ? out.distinct_values(residual) : std::vector<float>());
    merge(reference_.verdict, judge(out, expected_, output->y), prefix + conv.name);
    t = std::move(output->y);
    return {};
  }

  Status compare_with_last(const BlockConvs& convs, const std::string& prefix, Tensor& t,
                           const Tensor& x) {
    Tensor shortcut = x;
    if (convs.downsample) {
      Status status = run_and_judge(*convs.downsample, prefix, Tensor(), shortcut);
      if (!status) return status;
    }
    if (Status status = run_and_judge(convs.line.back(), prefix, shortcut, t); !status) {
      return status;
    }
    reference_.expected = std::move(expected_);
    const std::string differs = difference(reference_.images, t, reference_.y);
    if (differs.empty()) return {};
    merge(reference_.verdict, judge(reference_.images, reference_.expected, reference_.y),
          prefix + "chain");
    reference_.verdict.pass = false;
    if (reference_.verdict.reason.empty()) {
      reference_.verdict.reason =
          prefix + "the chain has other bits than its convolutions run one by one: " + differs;
    }
    return {};
  }

  Status judge_projection(const BlockConvs& convs, const std::string& prefix, const Tensor& t,
                          const std::vector<float>& x) {
    const Images last{workload_.dtype, convs.line.back().problem.input(), workload_.distinct};
    Result<oracle::Expected> expected =
        expected_projection(convs, workload_.distinct, last.distinct_values(t), x);
    if (!expected) return expected.status();
    reference_.expected = std::move(*expected);
    merge(reference_.verdict, judge(reference_.images, reference_.expected, reference_.y),
          prefix + "last convolution with the projection");
    return {};
  }

  const BlockWorkload& workload_;
  BlockReference& reference_;
  oracle::Expected expected_;  // of the convolution run last
};

}  // namespace

bool merges_projection(const BlockConvs& convs, const BlockPlan& chain) {
  const std::vector<CutFigures>& cuts = chain.explanation().cuts;
  const auto figures = std::ranges::find(cuts, BlockCut::chain, &CutFigures::cut);
  return figures != cuts.end() && figures->kernels.size() == convs.line.size();
}

Result<BlockReference> reference_of(const BlockWorkload& workload,
                                    const std::vector<Block>& blocks) {
  BlockReference reference;
  Walk walk(workload, reference);
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const std::string prefix =
        blocks.size() > 1 ? block_of_several(i, blocks.size()) + ", " : std::string();
    Status status = walk.go_through(workload.blocks[i], blocks[i], prefix);
    if (!status) return status;
  }
  return reference;
}

Verdict judge_cut(const BlockReference& reference, const std::vector<std::byte>& y) {
  Verdict verdict = judge(reference.images, reference.expected, y);
  if (!reference.verdict.pass) {
    verdict.pass = false;
    verdict.reason = reference.verdict.reason;
    return verdict;
  }
  const std::string differs = difference(reference.images, reference.y, y);
  if (differs.empty()) return verdict;
  verdict.pass = false;
  verdict.reason = "other bits than the chain: " + differs +
                   (verdict.reason.empty() ? "" : "; " + verdict.reason);
  return verdict;
}

}  // namespace foldconv::tool
