#include <algorithm>
#include <cstdio>
#include <optional>

#include "commands/explanations.hpp"

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

ExplainedKernel described(const Descriptor& descriptor, const ConvProblem& problem) {
  return {.name = descriptor.name,
          .descriptor = to_descriptor(problem),
          .cut = "",
          .kernel = "",
          .reason = ""};
}

Row chosen_row(const Descriptor& descriptor, const ConvProblem& problem,
               const Explanation& chosen) {
  const auto number = [](auto value) { return Value(static_cast<std::int64_t>(value)); };
  ExplainedKernel kernel = described(descriptor, problem);
  kernel.kernel = chosen.kernel;
  kernel.chosen = true;
  kernel.reason = chosen.reason;
  kernel.grid = number(chosen.grid);
  kernel.threads = number(chosen.threads);
  kernel.shared_bytes = number(chosen.shared_bytes);
  kernel.registers = number(chosen.registers);
  kernel.ctas_per_sm = number(chosen.ctas_per_sm);
  kernel.waves = chosen.waves;
  kernel.launches = number(1);
  kernel.workspace_bytes = number(chosen.workspace_bytes);
  return {
      .fields = to_fields(kernel), .cells = {}, .note = chosen_text(descriptor, problem, chosen)};
}

Row refused_row(const Descriptor& descriptor, const ConvProblem& problem, const Refusal& refusal) {
  constexpr std::size_t kReasonColumn = 42;
  ExplainedKernel kernel = described(descriptor, problem);
  kernel.kernel = refusal.kernel;
  kernel.reason = refusal.reason;
  std::string note = "    " + refusal.kernel;
  note.resize(std::max(kReasonColumn, note.size() + 2), ' ');
  return {.fields = to_fields(kernel),
          .cells = {},
          .note = note + wrapped(refusal.reason, kReasonColumn)};
}

}  // namespace

Result<std::vector<Row>> explain_layer(const Descriptor& descriptor, const ConvProblem& problem,
                                       const Options& options) {
  const Result<Explanation> explained = explain(problem, {.kernel = options.kernel});
  if (!explained) return explained.status();
  std::vector<Row> rows = {chosen_row(descriptor, problem, *explained)};
  for (const Refusal& refusal : explained->refused) {
    rows.push_back(refused_row(descriptor, problem, refusal));
  }
  return rows;
}

}  // namespace foldconv::tool
