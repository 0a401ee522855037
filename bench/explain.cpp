// explain: which kernel a problem gets, and why not another one.
#include <algorithm>
#include <cstdio>
#include <optional>

#include "commands.hpp"

namespace foldconv::tool {
namespace {

// Names of tensor-core kernels hold the tile: ..._128x64x64_st3_sm80.
struct NamedTile {
  int m = 0, n = 0, k = 0, stages = 0;
};

std::optional<NamedTile> tile_of(const std::string& kernel) {
  for (std::size_t at = kernel.find('_'); at != std::string::npos; at = kernel.find('_', at + 1)) {
    NamedTile tile;
    const char* text = kernel.c_str() + at;
    if (std::sscanf(text, "_%dx%dx%d_st%d_", &tile.m, &tile.n, &tile.k, &tile.stages) == 4) {
      return tile;
    }
  }
  return std::nullopt;
}

std::string tile_text(const std::string& kernel) {
  const std::optional<NamedTile> tile = tile_of(kernel);
  if (!tile) return "none: a thread for each output element";
  return std::to_string(tile->m) + " pixels x " + std::to_string(tile->n) + " channels, k by " +
         std::to_string(tile->k) + ", " + std::to_string(tile->stages) + " stages";
}

std::string chosen_text(const Descriptor& descriptor, const ConvProblem& problem,
                        const Explanation& chosen) {
  const auto line = [](const char* title, const std::string& text) {
    constexpr std::size_t kTitleWidth = 17;
    std::string start = std::string("  ") + title;
    start.resize(kTitleWidth, ' ');
    return start + wrapped(text, kTitleWidth) + "\n";
  };
  std::string text = "\n";
  if (!descriptor.name.empty()) text += descriptor.name + ": ";
  text += to_string(problem) + "\n";
  text += line("kernel", chosen.kernel);
  text += line("why", chosen.reason);
  text += line("tile", tile_text(chosen.kernel));
  text += line("grid", grouped(chosen.grid) + " CTAs of " + std::to_string(chosen.threads) +
                           " threads; " + fixed(chosen.waves, 2) + " waves at " +
                           std::to_string(chosen.ctas_per_sm) + " CTAs an SM");
  text += line("shared memory", grouped(chosen.shared_bytes) + " bytes a CTA");
  text += line("registers", std::to_string(chosen.registers) + " a thread");
  text += line("workspace", grouped(chosen.workspace_bytes) + " bytes");
  text += chosen.refused.empty() ? "  no other kernel" : "  refused";
  return text;
}

Row chosen_row(const Descriptor& descriptor, const ConvProblem& problem,
               const Explanation& chosen) {
  const auto number = [](auto value) { return Value(static_cast<std::int64_t>(value)); };
  return {.fields = {{"name", descriptor.name},
                     {"descriptor", to_descriptor(problem)},
                     {"kernel", chosen.kernel},
                     {"chosen", true},
                     {"reason", chosen.reason},
                     {"grid", number(chosen.grid)},
                     {"threads", number(chosen.threads)},
                     {"shared_bytes", number(chosen.shared_bytes)},
                     {"registers", number(chosen.registers)},
                     {"ctas_per_sm", number(chosen.ctas_per_sm)},
                     {"waves", chosen.waves},
                     {"workspace_bytes", number(chosen.workspace_bytes)}},
          .cells = {},
          .note = chosen_text(descriptor, problem, chosen)};
}

Row other_row(const Descriptor& descriptor, const ConvProblem& problem, const std::string& kernel,
              const std::string& reason, const std::string& note) {
  return {.fields = {{"name", descriptor.name},
                     {"descriptor", to_descriptor(problem)},
                     {"kernel", kernel.empty() ? Value() : Value(kernel)},
                     {"chosen", false},
                     {"reason", reason},
                     {"grid", {}},
                     {"threads", {}},
                     {"shared_bytes", {}},
                     {"registers", {}},
                     {"ctas_per_sm", {}},
                     {"waves", {}},
                     {"workspace_bytes", {}}},
          .cells = {},
          .note = note};
}

}  // namespace

int run_explain(const Options& options, const Device& device, const ProblemList& list,
                Report& report) {
  const std::vector<Descriptor>& problems = list.problems;
  report.begin({.fields = heading_fields(options, device),
                .preamble = heading_lines(options, device),
                .columns = {}});
  std::size_t failed = 0;
  for (const Descriptor& descriptor : problems) {
    const ConvProblem problem = apply(options, descriptor.problem);
    const Result<Explanation> explained = explain(problem, {.kernel = options.kernel});
    if (!explained) {
      ++failed;
      const std::string& reason = explained.status().message();
      report.row(other_row(descriptor, problem, options.kernel, reason,
                           "\n" + label(descriptor) + ": no kernel: " + reason));
      continue;
    }
    report.row(chosen_row(descriptor, problem, *explained));
    for (const Refusal& refusal : explained->refused) {
      constexpr std::size_t kReasonColumn = 42;
      std::string note = "    " + refusal.kernel;
      note.resize(std::max(kReasonColumn, note.size() + 2), ' ');
      report.row(other_row(descriptor, problem, refusal.kernel, refusal.reason,
                           note + wrapped(refusal.reason, kReasonColumn)));
    }
  }
  report.end({{"problems", static_cast<std::int64_t>(problems.size())},
              {"without_kernel", static_cast<std::int64_t>(failed)}},
             {});
  return failed == 0 ? kExitSuccess : kExitFailure;
}

}  // namespace foldconv::tool
