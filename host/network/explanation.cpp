// SPDX-License-Identifier: MIT
// Explanations of networks and their plans as text.
#include <algorithm>

#include "base/error.hpp"
#include "base/text.hpp"
#include "base/utf8.hpp"
#include "foldconv/network.hpp"

namespace foldconv {
namespace {

using host::fixed;
using host::one_line;
using host::text;

template <class Value>
double sum_over(const std::vector<NetworkStep>& steps, Value value) {
  double sum = 0;
  for (const NetworkStep& step : steps) {
    for (const LaunchFigures& launch : step.launches) sum += value(launch);
  }
  return sum;
}

void append_padded(std::string& out, std::string_view piece, std::size_t width) {
  out += piece;
  out.append(width > piece.size() ? width - piece.size() : 1, ' ');
}

// Which steps run by which instructions, and why: of interest where sm90 may be expected.
std::string families_of(const std::vector<NetworkStep>& steps, Instructions asked) {
  const auto by_sm90 = [](const NetworkStep& step) {
    return step.instructions == Instructions::sm90;
  };
  if (asked != Instructions::sm90 && std::ranges::none_of(steps, by_sm90)) return {};
  std::string lines;
  for (auto step = steps.begin(); step != steps.end(); ++step) {
    const auto same = [&](const NetworkStep& other) {
      return other.instructions == step->instructions &&
             other.instructions_reason == step->instructions_reason;
    };
    if (step->instructions_reason.empty() || std::any_of(steps.begin(), step, same)) continue;
    const auto count = std::ranges::count_if(steps, same);
    lines += text(to_string(step->instructions), " in ", count,
                  count == 1 ? " step: " : " steps: ", step->instructions_reason, '\n');
  }
  return lines;
}

}  // namespace

std::string NetworkExplanation::to_string() const {
  return host::guarded_text([&] {
    std::string out;
    for (const NetworkRemark& remark : remarks) {
      append_padded(out, remark.pass, 12);
      out += text(one_line(remark.text), '\n');
    }
    return out;
  });
}

int NetworkPlanExplanation::launches() const noexcept {
  std::size_t count = 0;
  for (const NetworkStep& step : steps) count += step.launches.size();
  return static_cast<int>(count);
}
double NetworkPlanExplanation::dram_bytes() const noexcept {
  return sum_over(steps, [](const LaunchFigures& launch) { return launch.dram_bytes; });
}
double NetworkPlanExplanation::flops() const noexcept {
  return sum_over(steps, [](const LaunchFigures& launch) { return launch.flops; });
}
double NetworkPlanExplanation::floor_us() const noexcept {
  return sum_over(steps, [](const LaunchFigures& launch) { return launch.floor_us; });
}

std::string NetworkPlanExplanation::to_string() const {
  return host::guarded_text([&] {
    std::string out;
    append_padded(out, "operation", 12);
    append_padded(out, "kernel", 40);
    out += "DRAM MB  floor us  tensor\n";
    for (const NetworkStep& step : steps) {
      for (const LaunchFigures& launch : step.launches) {
        append_padded(out, step.operation, 12);
        append_padded(out, launch.kernel, 40);
        append_padded(out, fixed(launch.dram_bytes / 1e6, 3), 9);
        append_padded(out, fixed(launch.floor_us, 2), 10);
        out += text(&launch == &step.launches.back() ? one_line(step.tensor) : "", '\n');
      }
    }
    for (const NetworkRemark& remark : remarks)
      out += text(remark.pass, ": ", one_line(remark.text), '\n');
    out += text(launches(), " launches, ", fixed(dram_bytes() / 1e6, 1), " MB of DRAM, floor ",
                fixed(floor_us(), 1), " us by the model; workspace ",
                fixed(static_cast<double>(workspace_bytes) / 1e6, 1), " MB for ",
                fixed(static_cast<double>(tensor_bytes) / 1e6, 1), " MB of tensors\n",
                families_of(steps, asked), device, '\n');
    return out;
  });
}

}  // namespace foldconv
