#include "implementations.hpp"

#include <algorithm>
#include <span>
#include <utility>

#include "foldconv/unfused.hpp"
#include "pointwise_expected.hpp"

namespace foldconv::tool {
namespace {

// Evaluated at most once, for all implementations that share it.
using SharedExpected = std::shared_ptr<const reference::Expected>;
class LazyExpected {
 public:
  explicit LazyExpected(std::function<reference::Expected()> evaluate)
      : evaluate_(std::move(evaluate)) {}

  const reference::Expected& get() {
    if (!value_) value_ = std::make_shared<const reference::Expected>(evaluate_());
    return *value_;
  }

 private:
  std::function<reference::Expected()> evaluate_;
  SharedExpected value_;
};

Step conv_step(const ConvPlan& plan, DeviceTensors& tensors,
               const std::shared_ptr<LazyExpected>& expected) {
  return {.what = plan.explanation().kernel,
          .launch =
              [plan, &tensors](cudaStream_t stream) {
                const bool residual = plan.problem().residual;
                return plan.run({.x = tensors.x.data(),
                                 .residual = residual ? tensors.residual.data() : nullptr,
                                 .y = tensors.y.data(),
                                 .workspace = tensors.workspace.data(),
                                 .workspace_bytes = tensors.workspace.bytes()},
                                stream);
              },
          .expected = [expected](const std::vector<float>&) { return expected->get(); }};
}

void add_pointwise_steps(const Workload& workload, DeviceTensors& tensors,
                         std::vector<Step>& steps) {
  const ConvProblem& problem = workload.problem;
  const DataType dtype = problem.dtype;
  const Shape shape = problem.output();
  void* y = tensors.y.data();
  if (workload.has_batch_norm()) {
    const auto array = [](const DeviceBuffer& buffer) {
      return static_cast<const float*>(buffer.data());
    };
    const unfused::BatchNormArrays arrays{.gamma = array(tensors.gamma),
                                          .beta = array(tensors.beta),
                                          .mean = array(tensors.mean),
                                          .variance = array(tensors.variance),
                                          .eps = static_cast<float>(workload.raw.eps)};
    steps.push_back({.what = "batch_norm",
                     .launch =
                         [=](cudaStream_t stream) {
                           return unfused::batch_norm(dtype, shape, y, arrays, y, stream);
                         },
                     .expected =
                         [&workload](const std::vector<float>& before) {
                           return expected_batch_norm(workload.problem.dtype, before, workload.raw);
                         }});
  }
  if (problem.residual) {
    const void* z = tensors.residual.data();
    steps.push_back(
        {.what = "add",
         .launch = [=](cudaStream_t stream) { return unfused::add(dtype, shape, y, z, y, stream); },
         .expected =
             [&workload](const std::vector<float>& before) {
               return expected_add(workload.problem.dtype, before, workload.raw.residual);
             }});
  }
  if (problem.activation != Activation::none) {
    steps.push_back({.what = to_string(problem.activation),
                     .launch =
                         [=](cudaStream_t stream) {
                           return unfused::activate(dtype, shape, problem.activation, problem.alpha,
                                                    y, y, stream);
                         },
                     .expected =
                         [&workload](const std::vector<float>& before) {
                           return expected_activation(workload.problem, before);
                         }});
  }
}

Result<DeviceBuffer> upload_floats(const std::vector<float>& values, std::size_t size,
                                   float otherwise) {
  const std::vector<float> all = values.empty() ? std::vector<float>(size, otherwise) : values;
  return DeviceBuffer::upload(std::as_bytes(std::span(all)));
}

}  // namespace

Result<std::unique_ptr<DeviceTensors>> DeviceTensors::create(const Workload& workload) {
  const ConvProblem& problem = workload.problem;
  const reference::RawConv& raw = workload.raw;
  const auto k = static_cast<std::size_t>(problem.k);
  const std::size_t y_bytes =
      static_cast<std::size_t>(problem.output().elements()) * size_of(problem.dtype);
  auto tensors = std::make_unique<DeviceTensors>();
  Status status;
  const auto keep = [&status](DeviceBuffer& buffer, Result<DeviceBuffer> made) {
    if (!status) return;
    if (made) {
      buffer = std::move(*made);
    } else {
      status = made.status();
    }
  };
  keep(tensors->x, DeviceBuffer::upload(workload.x(problem.n)));
  keep(tensors->y, DeviceBuffer::allocate(y_bytes));
  if (problem.residual) {
    keep(tensors->residual, DeviceBuffer::upload(workload.residual(problem.n)));
  }
  if (workload.has_batch_norm()) {
    keep(tensors->gamma, upload_floats(raw.gamma, k, 1));
    keep(tensors->beta, upload_floats(raw.beta, k, 0));
    keep(tensors->mean, upload_floats(raw.mean, k, 0));
    keep(tensors->variance, upload_floats(raw.variance, k, 1));
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
  const auto expected_conv = std::make_shared<LazyExpected>(
      [&workload, conv_only, unfolded] { return expected_of(workload, conv_only, *unfolded); });
  std::vector<Implementation> all;
  all.push_back({.name = "fused",
                 .kernel = fused->explanation().kernel,
                 .steps = {conv_step(*fused, tensors, expected_fused)}});
  const std::pair<const char*, const ConvPlan*> separate[] = {{"chain", &*chain},
                                                              {"unfused", &*unfused}};
  for (const auto& [name, plan] : separate) {
    Implementation implementation{.name = name,
                                  .kernel = plan->explanation().kernel,
                                  .steps = {conv_step(*plan, tensors, expected_conv)}};
    add_pointwise_steps(workload, tensors, implementation.steps);
    all.push_back(std::move(implementation));
  }
  return all;
}

}  // namespace foldconv::tool
