// SPDX-License-Identifier: MIT
#include "conv/explain.hpp"

#include <utility>

#include "base/device.hpp"
#include "base/error.hpp"
#include "base/text.hpp"
#include "catalog/family.hpp"
#include "catalog/select.hpp"
#include "catalog/sm90_select.hpp"
#include "catalog/supported_device.hpp"
#include "cost/sm90_cost.hpp"

namespace foldconv {
namespace host {

namespace {

Status pin_refused(const char* kernel, std::string_view what, std::string_view value) {
  return error(ErrorCode::unsupported, text("the pinned kernel ", kernel, " ", what), value,
               "or pin none, and the least time by the model decides");
}

// The family of a pinned kernel. Errors: unsupported: it does not take the problem, or is not of the instructions that are
// asked for, too.
Result<Family> family_of_pin(const Sm90Kernel* pin, const ConvProblem& problem,
                             const PlanOptions& options, const DeviceFigures& figures) {
  const Instructions own = pin != nullptr ? Instructions::sm90 : Instructions::sm80;
  const std::string name(options.kernel);
  if (options.instructions != Instructions::automatic && options.instructions != own) {
    return pin_refused(
        name.c_str(), "is of other instructions than those asked for",
        text(to_string(own), ", PlanOptions::instructions = ", to_string(options.instructions)));
  }
  if (pin != nullptr) {
    if (!pin->arch.runs_on(figures.capability)) {
      return pin_refused(
          pin->name, "does not run on the device",
          text("it is compiled for compute capability ", dotted(pin->arch.capability),
               " alone: the device has ", dotted(figures.capability)));
    }
    std::string reason = pin->dtype == problem.dtype
                             ? sm90_rule(problem)
                             : text("computes in ", to_string(pin->dtype), ": the problem is ",
                                    to_string(problem.dtype));
    if (reason.empty()) reason = sm90_size_rule(problem);
    if (!reason.empty()) return pin_refused(pin->name, "does not take the problem", reason);
  }
  return Family{own, "of the pinned kernel"};
}

// Errors: unsupported: asked for by name, and not taken.
Result<Family> family_of_plan(const ConvProblem& problem, Instructions wanted,
                              const DeviceFigures& figures) {
  Family family = family_of(problem, wanted, figures);
  const bool taken = family.instructions == Instructions::sm90;
  const std::string too_large = taken ? sm90_size_rule(problem) : std::string();
  if (wanted == Instructions::sm90 && (!taken || !too_large.empty())) {
    return error(ErrorCode::unsupported, "the instructions asked for do not take the problem",
                 taken ? text("sm_90 ", too_large) : family.reason,
                 "use Instructions::automatic or sm80");
  }
  if (!too_large.empty())
    return Family{Instructions::sm80, text("too large for sm_90, which ", too_large)};
  return family;
}

struct Taken {
  TakenKernel kernel;
  std::string reason;
  std::vector<Refusal> refused;
};

Result<Taken> take_sm80(const ConvProblem& problem, const PlanOptions& options,
                        const DeviceFigures& figures, const DeviceSpeed& speed) {
  const auto ctas_per_sm = [&](const ConvKernel& kernel, const LaunchShape& shape) -> Result<int> {
    const Result<KernelFigures> prepared = prepare_kernel(
        kernel.entry(), static_cast<int>(shape.threads), shape.shared_bytes, figures);
    if (!prepared.ok()) return prepared.status();
    return prepared->ctas_per_sm;
  };
  Result<Choice> choice = select(problem, options, {figures, speed, ctas_per_sm});
  if (!choice.ok()) return choice.status();
  return Taken{choice->kernel, std::move(choice->reason), std::move(choice->refused)};
}

Taken take_sm90(const ConvProblem& problem, const Sm90Kernel* pin, const DeviceSpeed& speed) {
  Sm90Choice choice = select_sm90(problem, pin, speed);
  return {choice.variant, std::move(choice.reason), std::move(choice.refused)};
}

const char* name_of(const TakenKernel& kernel) {
  const auto* sm90 = std::get_if<Sm90Variant>(&kernel);
  return sm90 != nullptr ? sm90->kernel->name : std::get<const ConvKernel*>(kernel)->name;
}

LaunchCost cost_of_taken(const TakenKernel& kernel, const ConvProblem& problem,
                         const LaunchShape& shape, int resident) {
  if (const auto* sm90 = std::get_if<Sm90Variant>(&kernel))
    return sm90_cost(*sm90->kernel->tile, sm90->multicast, problem);
  return cost_of(*std::get<const ConvKernel*>(kernel), problem, shape, resident);
}

}  // namespace

EntryPoint entry_of(const TakenKernel& kernel) {
  const auto* sm90 = std::get_if<Sm90Variant>(&kernel);
  return sm90 != nullptr ? sm90->kernel->entry : std::get<const ConvKernel*>(kernel)->entry;
}

LaunchShape launch_shape(const TakenKernel& kernel, const ConvProblem& problem,
                         const DeviceFigures& device) {
  const auto* sm90 = std::get_if<Sm90Variant>(&kernel);
  return sm90 != nullptr ? sm90_launch_shape(*sm90, problem, device)
                         : conv_launch_shape(*std::get<const ConvKernel*>(kernel), problem, device);
}

Result<Decision> decide(const ConvProblem& problem, const PlanOptions& options,
                        const DeviceFigures& figures, const DeviceSpeed& speed) {
  if (Status status = check_instructions(options.instructions, figures); !status.ok())
    return status;
  const Sm90Kernel* pin = find_sm90_kernel(options.kernel);
  const bool pinned = pin != nullptr || find_conv_kernel(options.kernel) != nullptr;
  const Result<Family> family = pinned ? family_of_pin(pin, problem, options, figures)
                                       : family_of_plan(problem, options.instructions, figures);
  if (!family.ok()) return family.status();
  // A name that is no kernel's is for select() to refuse.
  const bool unknown = !options.kernel.empty() && !pinned;
  Result<Taken> taken = family->instructions == Instructions::sm90 && !unknown
                            ? Result<Taken>(take_sm90(problem, pin, speed))
                            : take_sm80(problem, options, figures, speed);
  if (!taken.ok()) return taken.status();

  const LaunchShape shape = launch_shape(taken->kernel, problem, figures);
  const Result<KernelFigures> kernel = prepare_kernel(
      entry_of(taken->kernel)(), static_cast<int>(shape.threads), shape.shared_bytes, figures);
  if (!kernel.ok()) return kernel.status();

  Explanation explanation;
  explanation.kernel = name_of(taken->kernel);
  explanation.reason = std::move(taken->reason);
  explanation.instructions = family->instructions;
  explanation.instructions_reason = family->reason;
  explanation.grid = shape.grid;
  explanation.threads = shape.threads;
  explanation.shared_bytes = shape.shared_bytes;
  explanation.registers = kernel->registers;
  explanation.ctas_per_sm = kernel->ctas_per_sm;
  const int resident = kernel->ctas_per_sm * figures.multiprocessors;
  explanation.cost = cost_of_taken(taken->kernel, problem, shape, kernel->ctas_per_sm);
  // The CTAs of a persistent kernel are one wave: their tiles are not.
  const bool persistent = explanation.cost.wgmma || explanation.cost.tiles > shape.grid;
  const double launched = persistent ? explanation.cost.tiles : shape.grid;
  explanation.waves = resident > 0 ? launched / resident : 0;
  explanation.floor_us = floor_seconds(explanation.cost, speed) * 1e6;
  explanation.limit = limit_of(explanation.cost, speed);
  explanation.refused = std::move(taken->refused);
  return Decision{taken->kernel, shape, std::move(explanation)};
}

}  // namespace host

Result<Explanation> explain(const ConvProblem& problem, const PlanOptions& options) {
  return host::guarded([&]() -> Result<Explanation> {
    if (Status status = validate(problem); !status.ok()) return status;
    const Result<host::SupportedDevice> device = host::current_supported_device();
    if (!device.ok()) return device.status();
    Result<host::Decision> decision =
        host::decide(problem, options, device->figures, device->speed);
    if (!decision.ok()) return decision.status();
    return std::move(decision->explanation);
  });
}

std::string Explanation::to_string() const {
  return host::guarded_text([&] {
    std::string lines = host::text(
        "kernel      ", kernel, "\nbecause     ", reason, "\nfamily      ",
        foldconv::to_string(instructions), ": ", instructions_reason, "\nlaunch      ", grid,
        " CTAs of ", threads, " threads, ", shared_bytes, " bytes of shared memory\nresources   ",
        registers, " registers a thread, ", ctas_per_sm, " CTAs an SM, ", host::fixed(waves, 2),
        " waves\nfloor       ", host::fixed(floor_us, 2), " us: ", foldconv::to_string(limit),
        "\nworkspace   ", workspace_bytes, " bytes\n");
    for (const Refusal& refusal : refused) {
      lines += host::text("not taken   ", refusal.kernel, ": ", refusal.reason, "\n");
    }
    return lines;
  });
}

}  // namespace foldconv
