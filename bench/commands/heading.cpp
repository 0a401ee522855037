// SPDX-License-Identifier: MIT
#include <algorithm>
#include <filesystem>

#include "commands/commands.hpp"
#include "report/text.hpp"
#include "report/version.hpp"

namespace foldconv::tool {
namespace {

constexpr int kMaxLabelWidth = 32;
// Of the fields of reports; described in bench/results/README.md.
constexpr int kSchema = 2;

// What it ran on, and what ran: "132 SMs, SM clock 1755 of 1980 MHz, ..., git 1234567, 2026-...".
std::string machine_line(const harness::Device& device) {
  const harness::Machine& machine = device.machine;
  const auto clock = [](const char* what, int now, int most) {
    const auto text = [](int mhz) { return mhz > 0 ? std::to_string(mhz) : "?"; };
    return now > 0 || most > 0
               ? std::string(", ") + what + " " + text(now) + " of " + text(most) + " MHz"
               : "";
  };
  const auto named = [](const char* name, const std::string& value) {
    return value.empty() ? "" : std::string(", ") + name + " " + value;
  };
  return wrapped(std::to_string(device.multiprocessors) + " SMs" +
                     clock("SM clock", machine.sm_clock_mhz, machine.sm_clock_max_mhz) +
                     clock("memory", machine.memory_clock_mhz, machine.memory_clock_max_mhz) +
                     named("driver", machine.driver) + named("CUDA", machine.cuda_runtime) +
                     named("cuDNN", machine.cudnn) + named("git", git_description()) + ", " +
                     machine.date,
                 2);
}

// What is computed: a network's file, or every layer.
Field subject(const Options& options) {
  if (const std::string& model = options.network.model; !model.empty()) {
    return {"network", std::filesystem::path(model).filename().string()};
  }
  const harness::Settings& settings = options.settings;
  std::string text = options.data.conv_bias ? "conv + bias" : "conv";
  if (options.data.batch_norm && options.command != Command::explain) text += " + BatchNorm";
  if (settings.residual) text += " + residual";
  if (settings.activation != Activation::none) {
    text += std::string(" + ") + to_string(settings.activation.kind);
  }
  return {"layer", text};
}

}  // namespace

Heading heading_of(const Options& options, const harness::Device& device, const Fields& fields,
                   const std::vector<std::string>& lines) {
  const harness::Machine& machine = device.machine;
  const std::string dtype = to_string(options.settings.dtype);
  const Field what = subject(options);
  Heading heading{
      .fields = {{"schema", kSchema},
                 {"command", to_string(options.command)},
                 {"version", version_number()},
                 {"git", text_or_none(git_description())},
                 {"date", machine.date},
                 {"device", device.name},
                 {"emulated", device.emulated},
                 {"architecture", device.architecture},
                 {"multiprocessors", device.multiprocessors},
                 {"l2_bytes", device.l2_bytes},
                 {"sm_clock_max_mhz", known(machine.sm_clock_max_mhz)},
                 {"memory_clock_max_mhz", known(machine.memory_clock_max_mhz)},
                 {"sm_clock_mhz", known(machine.sm_clock_mhz)},
                 {"memory_clock_mhz", known(machine.memory_clock_mhz)},
                 {"driver", text_or_none(machine.driver)},
                 {"cuda_driver", text_or_none(machine.cuda_driver)},
                 {"cuda_runtime", text_or_none(machine.cuda_runtime)},
                 {"cudnn", text_or_none(machine.cudnn)},
                 {"dtype", dtype},
                 what,
                 {"seed", options.data.seed}},
      .preamble = {"foldconv " + version_number() + " " + to_string(options.command) + ": " +
                       dtype + ", " + what.value.get<std::string>() + "; " + device.name,
                   machine_line(device)}};
  heading.fields.insert(heading.fields.end(), fields.begin(), fields.end());
  heading.preamble.insert(heading.preamble.end(), lines.begin(), lines.end());
  return heading;
}

int label_width(const Problems& problems) {
  std::size_t width = std::string("problem").size();  // the column's title
  for (const harness::Problem& problem : problems) width = std::max(width, problem.label.size());
  return std::min(static_cast<int>(width), kMaxLabelWidth);
}

}  // namespace foldconv::tool
