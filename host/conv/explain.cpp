// SPDX-License-Identifier: MIT
#include "conv/explain.hpp"

#include <utility>

#include "base/device.hpp"
#include "base/error.hpp"
#include "base/text.hpp"
#include "catalog/select.hpp"
#include "catalog/supported_device.hpp"

namespace foldconv {
namespace host {

Result<Decision> decide(const ConvProblem& problem, const PlanOptions& options,
                        const DeviceFigures& figures, const DeviceSpeed& speed) {
  const auto ctas_per_sm = [&](const ConvKernel& kernel, const LaunchShape& shape) -> Result<int> {
    const Result<KernelFigures> prepared = prepare_kernel(
        kernel.entry(), static_cast<int>(shape.threads), shape.shared_bytes, figures);
    if (!prepared.ok()) return prepared.status();
    return prepared->ctas_per_sm;
  };
  Result<Choice> choice = select(problem, options, {figures, speed, ctas_per_sm});
  if (!choice.ok()) return choice.status();

  const LaunchShape shape = conv_launch_shape(*choice->kernel, problem, figures);
  const Result<KernelFigures> kernel = prepare_kernel(
      choice->kernel->entry(), static_cast<int>(shape.threads), shape.shared_bytes, figures);
  if (!kernel.ok()) return kernel.status();

  Explanation explanation;
  explanation.kernel = choice->kernel->name;
  explanation.reason = std::move(choice->reason);
  explanation.grid = shape.grid;
  explanation.threads = shape.threads;
  explanation.shared_bytes = shape.shared_bytes;
  explanation.registers = kernel->registers;
  explanation.ctas_per_sm = kernel->ctas_per_sm;
  const int resident = kernel->ctas_per_sm * figures.multiprocessors;
  explanation.waves = resident > 0 ? static_cast<double>(shape.grid) / resident : 0;
  explanation.cost = cost_of(*choice->kernel, problem, shape, kernel->ctas_per_sm);
  explanation.floor_us = floor_seconds(explanation.cost, speed) * 1e6;
  explanation.limit = limit_of(explanation.cost, speed);
  explanation.refused = std::move(choice->refused);
  return Decision{choice->kernel, shape, std::move(explanation)};
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
        "kernel      ", kernel, "\nbecause     ", reason, "\nlaunch      ", grid, " CTAs of ",
        threads, " threads, ", shared_bytes, " bytes of shared memory\nresources   ", registers,
        " registers a thread, ", ctas_per_sm, " CTAs an SM, ", host::fixed(waves, 2),
        " waves\nfloor       ", host::fixed(floor_us, 2), " us: ", foldconv::to_string(limit),
        "\nworkspace   ", workspace_bytes, " bytes\n");
    for (const Refusal& refusal : refused) {
      lines += host::text("not taken   ", refusal.kernel, ": ", refusal.reason, "\n");
    }
    return lines;
  });
}

}  // namespace foldconv
