// SPDX-License-Identifier: MIT
// Conv and ConvPlan: weights on the device, a kernel for a problem, one launch.
#include "foldconv/conv.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>
#include <variant>

#include "base/device.hpp"
#include "base/error.hpp"
#include "base/problem_sizes.hpp"
#include "base/text.hpp"
#include "base/trace.hpp"
#include "catalog/depthwise.hpp"
#include "catalog/grouped.hpp"
#include "catalog/launch.hpp"
#include "catalog/sm90_launch.hpp"
#include "catalog/supported_device.hpp"
#include "conv/arguments.hpp"
#include "conv/conv_data.hpp"
#include "conv/explain.hpp"
#include "fold/pack.hpp"
#include "foldconv/checked_runs.hpp"
#include "params/conv_params.hpp"

namespace foldconv {

using host::ConvData;
using host::DeviceMemory;
using host::guarded;
using host::invalid;
using host::text;

namespace host {

// What run() binds tensors to and launches with: of kernels for every device, without tensor cores, and of sm_90.
using ConvArguments =
    std::variant<ConvParams, DirectParams, DepthwiseParams, GroupedParams, Sm90Arguments>;

}  // namespace host

struct ConvPlan::Data {
  std::shared_ptr<const ConvData> conv;
  ConvProblem problem;
  host::Decision decision;
  host::ConvArguments arguments;
  std::string trace_name;
};

namespace {

using ConvPlanData = host::DataOf<ConvPlan>;

Status check_same_weights(const ConvData& conv, const ConvProblem& problem) {
  if (problem.dtype != conv.dtype) {
    return invalid("the problem's data type is not the one of the weights",
                   text("problem ", to_string(problem.dtype), ", weights ", to_string(conv.dtype)),
                   "fold for the problem's data type, or change the problem");
  }
  const struct {
    const char* name;
    int problem, weights;
  } sizes[] = {{"k", problem.k, conv.k},
               {"c / groups", host::c_per_group(problem), conv.c_per_group},
               {"r", problem.r, conv.r},
               {"s", problem.s, conv.s}};
  for (const auto& size : sizes) {
    if (size.problem == size.weights) continue;
    return invalid(text("the problem's ", size.name, " is not the one of the weights"),
                   text("problem ", size.problem, ", weights ", size.weights),
                   text("use ", size.name, " = ", size.weights, ", or other weights"));
  }
  return {};
}

// "conv_rxs_f16_128x64x64_st3_sm80 2x56x56x64 3x3 -> 2x56x56x64"
std::string range_name(const std::string& kernel, const ConvProblem& problem) {
  return text(kernel, " ", host::trace_name(problem.input()), " ", problem.r, "x", problem.s,
              " -> ", host::trace_name(problem.output()));
}

// Into `arguments`, for tensor maps are aligned as nothing is that is passed by value.
Status make_arguments(const host::TakenKernel& taken, const ConvProblem& problem,
                      const ConvData& conv, host::ConvArguments& arguments) {
  if (const auto* sm90 = std::get_if<host::Sm90Variant>(&taken)) {
    return host::make_sm90_arguments(*sm90, problem, conv.weights, conv.scale, conv.bias,
                                     arguments.emplace<host::Sm90Arguments>());
  }
  const host::ConvKernel& kernel = *std::get<const host::ConvKernel*>(taken);
  const auto take = [&](auto params) {
    params.w = conv.weights;
    params.scale = conv.scale;
    params.bias = conv.bias;
    arguments = params;
    return Status();
  };
  if (kernel.depthwise != nullptr) return take(host::depthwise_params(*kernel.depthwise, problem));
  if (kernel.grouped != nullptr) return take(host::grouped_params(*kernel.grouped, problem));
  return kernel.direct() ? take(host::direct_params(problem))
                         : take(host::conv_params(kernel, problem));
}

template <class Params>
Status bind(Params& params, const ConvBuffers& buffers, [[maybe_unused]] float* sums) {
  params.x = buffers.x;
  if constexpr (requires { params.sums; }) params.sums = sums;
  if constexpr (requires { params.gate.gates; }) {
    params.gate.gates = buffers.gate;
  } else if constexpr (requires { params.gate; }) {
    params.gate = buffers.gate;
  }
  params.residual = buffers.residual;
  params.y = buffers.y;
  return {};
}
Status bind(host::Sm90Arguments& arguments, const ConvBuffers& buffers, float*) {
  return arguments.bind(buffers.x, buffers.residual, buffers.y);
}

template <class Params>
void* launched(Params& params) {
  return &params;
}
void* launched(host::Sm90Arguments& arguments) {
  return &arguments.params;
}

}  // namespace

Result<Conv> Conv::create(const FoldedConv& folded) {
  return guarded([&]() -> Result<Conv> {
    if (Status status = host::check_packed_size(folded.dtype(), folded.k(), folded.c_per_group(),
                                                folded.r(), folded.s());
        !status.ok()) {
      return status;
    }
    const Result<host::SupportedDevice> device = host::current_supported_device();
    if (!device.ok()) return device.status();

    // The weights last: a kernel that reads past them reads past the allocation.
    auto memory = DeviceMemory::copy_of(
        {std::as_bytes(folded.scale()), std::as_bytes(folded.bias()), host::pack(folded)},
        "the weights, scale and bias");
    if (!memory.ok()) return memory.status();
    auto data = std::make_shared<Data>(Data{
        folded.dtype(), folded.k(), folded.c_per_group(), folded.r(), folded.s(), device->index,
        device->figures, device->speed, std::move(*memory), nullptr, nullptr, nullptr});
    data->scale = static_cast<const float*>(data->memory.part(0));
    data->bias = static_cast<const float*>(data->memory.part(1));
    data->weights = data->memory.part(2);
    return Conv(std::move(data));
  });
}

ConvProblem Conv::problem(const Images& images, const ConvOptions& options) const noexcept {
  const std::int64_t channels = std::int64_t{data_->c_per_group} * options.groups;
  constexpr std::int64_t kMost = std::numeric_limits<int>::max();  // which no plan takes
  return {.dtype = data_->dtype,
          .n = images.n,
          .h = images.h,
          .w = images.w,
          .c = static_cast<int>(std::clamp(channels, -kMost, kMost)),
          .k = data_->k,
          .r = data_->r,
          .s = data_->s,
          .stride = options.stride,
          .pad = options.pad,
          .dilation = options.dilation,
          .groups = options.groups,
          .activation = options.activation,
          .residual = options.residual,
          .pitch = options.pitch,
          .gate = options.gate};
}

Result<ConvPlan> Conv::plan(const Images& images, const ConvOptions& options,
                            const PlanOptions& plan_options) const {
  return plan_problem(problem(images, options), plan_options);
}

Result<ConvPlan> Conv::plan_problem(const ConvProblem& problem, const PlanOptions& options) const {
  return guarded([&]() -> Result<ConvPlan> {
    if (Status status = validate(problem); !status.ok()) return status;
    if (Status status = check_same_weights(*data_, problem); !status.ok()) return status;
    if (Status status = host::check_current_device(data_->device, "the weights"); !status.ok())
      return status;
    Result<host::Decision> decision = host::decide(problem, options, data_->figures, data_->speed);
    if (!decision.ok()) return decision.status();
    auto data = std::make_shared<ConvPlanData>();
    if (Status status = make_arguments(decision->kernel, problem, *data_, data->arguments);
        !status.ok()) {
      return status;
    }
    data->conv = data_;
    data->problem = problem;
    data->trace_name = range_name(decision->explanation.kernel, problem);
    data->decision = std::move(*decision);
    return host::Internals::make<ConvPlan>(std::move(data));
  });
}

namespace {

Status run_conv(const ConvPlanData& plan, const ConvBuffers& buffers, float* sums,
                cudaStream_t stream) {
  return guarded([&]() -> Status {
    const host::Decision& decision = plan.decision;
    const Result<int> images = host::images_of_run(buffers.images, plan.problem.n);
    if (!images.ok()) return images.status();
    ConvProblem problem = plan.problem;
    problem.n = *images;
    if (Status status = host::check_current_device(plan.conv->device, "the plan"); !status.ok())
      return status;
    if (runs_are_checked()) {
      if (Status status = plan.conv->memory.check_there(); !status.ok()) return status;
    }
    if (Status status =
            host::check_buffers(problem, buffers, plan.decision.explanation.workspace_bytes);
        !status.ok()) {
      return status;
    }
    const host::TraceRange range(plan.trace_name.c_str());
    const bool all = *images == plan.problem.n;
    const host::LaunchShape shape =
        all ? decision.shape : host::launch_shape(decision.kernel, problem, plan.conv->figures);
    host::ConvArguments arguments = plan.arguments;
    if (!all) {
      Status status = make_arguments(decision.kernel, problem, *plan.conv, arguments);
      if (!status.ok()) return status;
    }
    return std::visit(
        [&](auto& own) -> Status {
          if (Status status = bind(own, buffers, sums); !status.ok()) return status;
          return host::launch(host::entry_of(decision.kernel), shape, launched(own), stream);
        },
        arguments);
  });
}

}  // namespace

Status ConvPlan::run(const ConvBuffers& buffers, cudaStream_t stream) const {
  return run_conv(*data_, buffers, nullptr, stream);
}

namespace host {

std::size_t sums_bytes(const ConvPlan& plan) {
  const auto* kernel = std::get_if<const ConvKernel*>(&Internals::data(plan).decision.kernel);
  if (kernel == nullptr || (*kernel)->depthwise == nullptr) return 0;
  const Shape y = plan.problem().output();
  return mean_sums_bytes(y);
}

Status run_with_sums(const ConvPlan& plan, const ConvBuffers& buffers, float* sums,
                     cudaStream_t stream) {
  return run_conv(Internals::data(plan), buffers, sums, stream);
}

}  // namespace host

std::size_t ConvPlan::workspace_bytes() const noexcept {
  return explanation().workspace_bytes;
}
const ConvProblem& ConvPlan::problem() const noexcept {
  return data_->problem;
}
const Explanation& ConvPlan::explanation() const noexcept {
  return data_->decision.explanation;
}

}  // namespace foldconv
