#include "compute/implementations.hpp"

#include <algorithm>
#include <functional>
#include <utility>

namespace foldconv::tool {
namespace {

// Evaluated at most once, for all implementations that share it.
class LazyExpected {
 public:
  explicit LazyExpected(std::function<oracle::Expected()> evaluate)
      : evaluate_(std::move(evaluate)) {}

  const oracle::Expected& get() {
    if (!value_) value_ = evaluate_();
    return *value_;
  }

 private:
  std::function<oracle::Expected()> evaluate_;
  std::optional<oracle::Expected> value_;
};

Step first_step(const Workload& workload, const ConvPlan& plan, DeviceTensors& tensors,
                const std::shared_ptr<LazyExpected>& expected) {
  return conv_step(plan,
                   {.x = &tensors.x,
                    .residual = &tensors.residual,
                    .y = &tensors.y,
                    .workspace = &tensors.workspace,
                    .distinct = workload.distinct,
                    .expected = [expected](const std::vector<float>&, const std::vector<float>&) {
                      return expected->get();
                    }});
}

void add_pointwise_steps(const Workload& workload, const DeviceTensors& tensors,
                         std::vector<Step>& steps) {
  const ConvProblem& problem = workload.problem;
  const Images y = workload.y();
  if (const std::optional<BatchNorm> batch_norm = workload.batch_norm()) {
    steps.push_back(batch_norm_step(y, tensors.batch_norm, *batch_norm, tensors.y));
  }
  if (problem.residual) steps.push_back(add_step(y, tensors.residual, tensors.y));
  if (problem.activation != Activation::none) {
    steps.push_back(activation_step(y, problem.activation, problem.alpha, tensors.y));
  }
}

}  // namespace

Result<std::unique_ptr<DeviceTensors>> DeviceTensors::create(const Workload& workload) {
  const ConvProblem& problem = workload.problem;
  auto tensors = std::make_unique<DeviceTensors>();
  Status status;
  const auto keep = [&status](auto& part, auto made) {
    if (!status) return;
    if (made) {
      part = std::move(*made);
    } else {
      status = made.status();
    }
  };
  keep(tensors->x, DeviceBuffer::upload(workload.x(problem.n)));
  keep(tensors->y, DeviceBuffer::allocate(workload.y().bytes()));
  if (problem.residual) {
    keep(tensors->residual, DeviceBuffer::upload(workload.residual(problem.n)));
  }
  if (const std::optional<BatchNorm> batch_norm = workload.batch_norm()) {
    keep(tensors->batch_norm, DeviceBatchNorm::upload(*batch_norm));
  }
  if (!status) return status;
  return tensors;
}

Result<std::vector<Implementation>> make_implementations(const Workload& workload,
                                                         DeviceTensors& tensors,
                                                         const std::string& pinned_kernel) {
  const ConvProblem& layer = workload.problem;
  ConvProblem conv_only = layer;
  conv_only.activation = Activation::none;
  conv_only.residual = false;

  Result<FoldedConv> folded = workload.folded();
  if (!folded) return folded.status();
  Result<FoldedConv> unfolded = workload.unfolded();
  if (!unfolded) return unfolded.status();
  Result<Conv> fused_conv = Conv::create(*folded);
  if (!fused_conv) return fused_conv.status();
  Result<Conv> plain_conv = Conv::create(*unfolded);
  if (!plain_conv) return plain_conv.status();

  Result<ConvPlan> fused = fused_conv->plan(layer, {.kernel = pinned_kernel});
  if (!fused) return fused.status();
  Result<ConvPlan> chain = plain_conv->plan(conv_only, {.kernel = fused->explanation().kernel});
  if (!chain) return chain.status();
  const std::string direct = std::string("direct_") + to_string(layer.dtype) + "_sm80";
  Result<ConvPlan> unfused = plain_conv->plan(conv_only, {.kernel = direct});
  if (!unfused) return unfused.status();

  std::size_t workspace_bytes = 0;
  for (const ConvPlan* plan : {&*fused, &*chain, &*unfused}) {
    workspace_bytes = std::max(workspace_bytes, plan->workspace_bytes());
  }
  Result<DeviceBuffer> workspace = DeviceBuffer::allocate(workspace_bytes);
  if (!workspace) return workspace.status();
  tensors.workspace = std::move(*workspace);

  const auto expected_fused = std::make_shared<LazyExpected>(
      [&workload, layer, folded] { return expected_of(workload, layer, *folded); });
  const auto expected_plain = std::make_shared<LazyExpected>(
      [&workload, conv_only, unfolded] { return expected_of(workload, conv_only, *unfolded); });
  const std::vector<const DeviceBuffer*> buffers = {&tensors.y, &tensors.workspace};
  std::vector<Implementation> all;
  all.push_back({.name = "fused",
                 .kernel = fused->explanation().kernel,
                 .steps = {first_step(workload, *fused, tensors, expected_fused)},
                 .buffers = buffers});
  const std::pair<const char*, const ConvPlan*> separate[] = {{"chain", &*chain},
                                                              {"unfused", &*unfused}};
  for (const auto& [name, plan] : separate) {
    Implementation implementation{.name = name,
                                  .kernel = plan->explanation().kernel,
                                  .steps = {first_step(workload, *plan, tensors, expected_plain)},
                                  .buffers = buffers};
    add_pointwise_steps(workload, tensors, implementation.steps);
    all.push_back(std::move(implementation));
  }
  return all;
}

}  // namespace foldconv::tool
