#include "compute/block_implementations.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "compute/block_convs.hpp"
#include "compute/expected.hpp"

namespace foldconv::tool {
namespace {

// The separate steps of all blocks, one after the other.
class Separate {
 public:
  Separate(const BlockWorkload& workload, BlockTensors& tensors)
      : workload_(workload), tensors_(tensors) {
    implementation_.name = "separate";
  }

  Status add_block(const BlockConvs& convs, const DeviceBuffer*& x) {
    const DeviceBuffer* shortcut = x;
    if (convs.downsample) {
      if (Status status = add_conv(*convs.downsample, nullptr, shortcut); !status) return status;
    }
    for (const BlockConv& conv : convs.line) {
      const DeviceBuffer* added = conv.problem.residual ? shortcut : nullptr;
      if (Status status = add_conv(conv, added, x); !status) return status;
    }
    return {};
  }

  Implementation finish() { return std::move(implementation_); }

 private:
  // `at`: from what the convolution reads to what it writes.
  Status add_conv(const BlockConv& conv, const DeviceBuffer* added, const DeviceBuffer*& at) {
    const Result<Explanation> fused = explain(conv.problem);
    if (!fused) return fused.status();
    ConvProblem alone = conv.problem;
    alone.activation = Activation::none;
    alone.residual = false;
    const Result<FoldedConv> unfolded =
        fold(conv.layer->conv, std::nullopt, {.dtype = workload_.dtype});
    if (!unfolded) return unfolded.status();
    const Result<Conv> created = Conv::create(*unfolded);
    if (!created) return created.status();
    const Result<ConvPlan> plan = created->plan(alone, {.kernel = fused->kernel});
    if (!plan) return plan.status();

    const Images y{workload_.dtype, alone.output(), workload_.distinct};
    Result<const DeviceBuffer*> written = allocate(y.bytes());
    if (!written) return written.status();
    Result<const DeviceBuffer*> workspace = allocate(plan->workspace_bytes());
    if (!workspace) return workspace.status();
    const DeviceBuffer* x = std::exchange(at, *written);

    ConvProblem distinct = alone;
    distinct.n = workload_.distinct;
    std::vector<Step>& steps = implementation_.steps;
    const std::size_t first = steps.size();
    steps.push_back(conv_step(
        *plan,
        {.x = x,
         .residual = nullptr,
         .y = at,
         .workspace = *workspace,
         .distinct = workload_.distinct,
         .expected = [distinct, unfolded = *unfolded](std::vector<float> read, std::vector<float>) {
           return expected_conv(distinct, unfolded, std::move(read), {});
         }}));
    if (const std::optional<BatchNorm>& batch_norm = conv.layer->batch_norm) {
      Result<DeviceBatchNorm> arrays = DeviceBatchNorm::upload(*batch_norm);
      if (!arrays) return arrays.status();
      tensors_.batch_norms.push_back(std::make_unique<DeviceBatchNorm>(std::move(*arrays)));
      steps.push_back(batch_norm_step(y, *tensors_.batch_norms.back(), *batch_norm, *at));
    }
    if (added != nullptr) steps.push_back(add_step(y, *added, *at));
    if (conv.problem.activation != Activation::none) {
      steps.push_back(activation_step(y, conv.problem.activation, conv.problem.alpha, *at));
    }
    for (std::size_t i = first; i < steps.size(); ++i) {
      steps[i].what = std::string(conv.name) + ", " + steps[i].what;
    }
    std::string& kernels = implementation_.kernel;
    kernels += (kernels.empty() ? "" : " ") + plan->explanation().kernel;
    return {};
  }

  Result<const DeviceBuffer*> allocate(std::size_t bytes) {
    Result<DeviceBuffer> buffer = DeviceBuffer::allocate(bytes);
    if (!buffer) return buffer.status();
    tensors_.intermediates.push_back(std::make_unique<DeviceBuffer>(std::move(*buffer)));
    const DeviceBuffer* kept = tensors_.intermediates.back().get();
    implementation_.buffers.push_back(kept);
    return kept;
  }

  const BlockWorkload& workload_;
  BlockTensors& tensors_;
  Implementation implementation_;
};

Implementation of_cut(const BlockPlan& plan, const std::string& name,
                      const BlockReference& reference, const BlockTensors& tensors) {
  const std::string kernels = kernels_of(plan);
  Step step{.what = "y",
            .launch =
                [plan, &tensors](cudaStream_t stream) {
                  return plan.run({.x = tensors.x.data(),
                                   .y = tensors.y.data(),
                                   .workspace = tensors.workspace.data(),
                                   .workspace_bytes = tensors.workspace.bytes()},
                                  stream);
                },
            .reads = {},
            .writes = &tensors.y,
            .judge = [&reference](const std::vector<Step::Tensor>&,
                                  const Step::Tensor& y) { return judge_cut(reference, y); },
            .launches = static_cast<std::size_t>(std::ranges::count(kernels, ' ')) + 1};
  return {.name = name,
          .kernel = kernels,
          .steps = {std::move(step)},
          .buffers = {&tensors.y, &tensors.workspace}};
}

}  // namespace

Result<std::vector<Implementation>> make_block_implementations(const BlockWorkload& workload,
                                                               const std::vector<Block>& blocks,
                                                               const BlockReference& reference,
                                                               BlockTensors& tensors) {
  Result<BlockPlan> planned = plan_blocks(blocks, workload.problem, BlockCut::automatic);
  if (!planned) return planned.status();
  const BlockCut taken = planned->explanation().cut;

  std::vector<Implementation> all;
  std::size_t workspace_bytes = planned->workspace_bytes();
  for (const BlockCut cut : {BlockCut::whole, BlockCut::tails, BlockCut::chain}) {
    const Result<BlockPlan> plan = plan_blocks(blocks, workload.problem, cut);
    if (!plan && plan.status().code() != ErrorCode::unsupported) return plan.status();
    if (plan) {
      workspace_bytes = std::max(workspace_bytes, plan->workspace_bytes());
      all.push_back(of_cut(*plan, to_string(cut), reference, tensors));
    } else {
      all.push_back({.name = to_string(cut),
                     .kernel = "",
                     .steps = {},
                     .buffers = {},
                     .refusal = refusal_of(blocks, workload.problem, cut, plan.status())});
    }
    all.back().planned = plan && cut == taken;
  }
  if (taken == BlockCut::automatic) {
    all.push_back(of_cut(*planned, "planned", reference, tensors));
    all.back().planned = true;
  }

  Result<DeviceBuffer> x = DeviceBuffer::upload(workload.encoded_x(workload.problem.n));
  if (!x) return x.status();
  Result<DeviceBuffer> y = DeviceBuffer::allocate(reference.images.bytes());
  if (!y) return y.status();
  Result<DeviceBuffer> workspace = DeviceBuffer::allocate(workspace_bytes);
  if (!workspace) return workspace.status();
  tensors.x = std::move(*x);
  tensors.y = std::move(*y);
  tensors.workspace = std::move(*workspace);

  Separate separate(workload, tensors);
  const DeviceBuffer* at = &tensors.x;
  Shape shape = workload.input().shape;
  for (const BlockData& block : workload.blocks) {
    const BlockConvs convs = convs_of(block.weights, workload.dtype, shape);
    if (Status status = separate.add_block(convs, at); !status) return status;
    shape = convs.output();
  }
  all.push_back(separate.finish());
  return all;
}

}  // namespace foldconv::tool
