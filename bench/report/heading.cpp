#include <algorithm>

#include "commands/commands.hpp"
#include "git_description.hpp"
#include "tool_version.hpp"

namespace foldconv::tool {
namespace {

constexpr int kMaxLabelWidth = 32;
// Of the fields of reports; described in bench/results/README.md.
constexpr std::int64_t kSchema = 1;

Value clock(const std::optional<int>& mhz) {
  return mhz ? Value(static_cast<std::int64_t>(*mhz)) : Value();
}

std::string clock_text(const char* what, const std::optional<int>& now,
                       const std::optional<int>& most) {
  if (!now && !most) return "";
  return std::string(", ") + what + " " + (now ? std::to_string(*now) : "?") + " of " +
         (most ? std::to_string(*most) : "?") + " MHz";
}

// What it ran on, and what ran: "132 SMs, SM clock 1755 of 1980 MHz, ..., git 1234567, 2026-...".
std::string machine_line(const Device& device) {
  const Machine& machine = device.machine;
  const auto named = [](const char* name, const std::string& value) {
    return value.empty() ? "" : std::string(", ") + name + " " + value;
  };
  return wrapped(std::to_string(device.multiprocessors) + " SMs" +
                     clock_text("SM clock", machine.sm_clock_mhz, machine.sm_clock_max_mhz) +
                     clock_text("memory", machine.memory_clock_mhz, machine.memory_clock_max_mhz) +
                     named("driver", machine.driver) + named("CUDA", machine.cuda_runtime) +
                     named("cuDNN", machine.cudnn) + named("git", kGitDescription) + ", " +
                     machine.date,
                 2);
}

std::string layer(const Options& options) {
  std::string text = options.conv_bias ? "conv + bias" : "conv";
  if (options.batch_norm && options.command != Command::explain) text += " + BatchNorm";
  if (options.residual) text += " + residual";
  if (options.activation != Activation::none) {
    text += std::string(" + ") + to_string(options.activation);
  }
  return text;
}

}  // namespace

Fields heading_fields(const Options& options, const Device& device) {
  const Machine& machine = device.machine;
  return {{"schema", kSchema},
          {"command", std::string(to_string(options.command))},
          {"version", std::string(kToolVersion)},
          {"git", text_or_none(kGitDescription)},
          {"date", machine.date},
          {"device", device.name},
          {"emulated", device.emulated},
          {"architecture", device.architecture},
          {"multiprocessors", static_cast<std::int64_t>(device.multiprocessors)},
          {"l2_bytes", static_cast<std::int64_t>(device.l2_bytes)},
          {"sm_clock_max_mhz", clock(machine.sm_clock_max_mhz)},
          {"memory_clock_max_mhz", clock(machine.memory_clock_max_mhz)},
          {"sm_clock_mhz", clock(machine.sm_clock_mhz)},
          {"memory_clock_mhz", clock(machine.memory_clock_mhz)},
          {"driver", text_or_none(machine.driver)},
          {"cuda_driver", text_or_none(machine.cuda_driver)},
          {"cuda_runtime", text_or_none(machine.cuda_runtime)},
          {"cudnn", text_or_none(machine.cudnn)},
          {"dtype", std::string(to_string(options.dtype))},
          {"layer", layer(options)},
          {"seed", static_cast<std::int64_t>(options.seed)}};
}

std::vector<std::string> heading_lines(const Options& options, const Device& device) {
  return {std::string("foldconv ") + kToolVersion + " " + to_string(options.command) + ": " +
              to_string(options.dtype) + ", " + layer(options) + "; " + device.name,
          machine_line(device)};
}

std::string counted(std::size_t count, const std::string& noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

int label_width(const ProblemList& list) {
  std::size_t width = std::string("problem").size();  // the column's title
  for (const Descriptor& problem : list.problems) width = std::max(width, label(problem).size());
  for (const BlockDescriptor& block : list.blocks) width = std::max(width, label(block).size());
  return std::min(static_cast<int>(width), kMaxLabelWidth);
}

}  // namespace foldconv::tool
