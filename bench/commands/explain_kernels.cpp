// SPDX-License-Identifier: MIT
// explain of several kernels: what each costs by the model, term by term, and how it is launched.
#include <algorithm>
#include <optional>
#include <utility>

#include "commands/commands.hpp"
#include "commands/explained.hpp"
#include "harness/error.hpp"
#include "harness/problem/text.hpp"
#include "harness/ways/library.hpp"
#include "report/text.hpp"

namespace foldconv::tool {
namespace {

using harness::Problem;
using harness::value_of;

struct Explained {
  std::string kernel, refusal;
  std::optional<Explanation> explanation;  // empty: refused
  bool planned = false;                    // what plan() takes by itself
  double over_first = 0;  // floor time, over that of the first that takes the problem
  CostTerms terms = {};   // in microseconds
};

Explained explained_by(const std::string& kernel, const Problem& problem) {
  Explained one{
      .kernel = kernel, .refusal = harness::refusal_by(kernel, problem), .explanation = {}};
  if (!one.refusal.empty()) return one;
  one.explanation = value_of(explain(problem.lines.front().convs.front().problem,
                                     {.kernel = kernel, .instructions = problem.instructions}));
  return one;
}

CostTerms in_microseconds(CostTerms terms) {
  for (double* term : {&terms.dram, &terms.l2, &terms.units, &terms.shared_memory, &terms.chain,
                       &terms.launch, &terms.fp32}) {
    *term *= 1e6;
  }
  return terms;
}

std::vector<Explained> all_explained(const Problem& problem,
                                     const std::vector<std::string>& kernels,
                                     const DeviceSpeed& speed) {
  const std::string by_plan = harness::kernel_of_plan(problem);
  std::vector<Explained> all;
  double first_us = 0;
  for (const std::string& kernel : kernels) {
    Explained& one = all.emplace_back(explained_by(kernel, problem));
    if (!one.explanation) continue;
    one.planned = kernel == by_plan;
    one.terms = in_microseconds(terms_of(one.explanation->cost, speed));
    if (first_us == 0) first_us = one.explanation->floor_us;
    one.over_first = one.explanation->floor_us / first_us;
  }
  return all;
}

Fields fields_of_kernel(const Problem& problem, const Explained& one) {
  const bool taken = one.explanation.has_value();
  const CutFigures figures = taken ? figures_of(*one.explanation) : CutFigures();
  Fields fields = explained_fields(problem, "", one.kernel, one.planned,
                                   taken ? one.explanation->reason : one.refusal,
                                   taken ? &*one.explanation : nullptr, taken ? &figures : nullptr);
  const CostTerms& terms = one.terms;
  for (const auto& [key, value] : {std::pair{"floor_over_first", one.over_first},
                                   {"dram_us", terms.dram},
                                   {"l2_us", terms.l2},
                                   {"units_us", terms.units},
                                   {"fp32_us", terms.fp32},
                                   {"shared_memory_us", terms.shared_memory},
                                   {"chain_us", terms.chain},
                                   {"launch_us", terms.launch}}) {
    fields.push_back({key, value_if(taken, value)});
  }
  return fields;
}

using Cells = std::vector<std::string>;

// The name, then a cell below each of the titles.
std::string line_of(const std::string& name, std::size_t name_width, const Cells& cells) {
  constexpr std::size_t kCellWidth = 9;
  std::string line = "  " + name;
  line.resize(2 + name_width, ' ');
  for (const std::string& cell : cells) {
    line += std::string(kCellWidth - std::min(kCellWidth - 1, cell.size()), ' ') + cell;
  }
  return line + "\n";
}

Cells costs_of(const Explained& one) {
  const CostTerms& terms = one.terms;
  return {fixed(one.explanation->floor_us, 2),
          fixed(one.over_first, 2),
          fixed(terms.dram, 2),
          fixed(terms.l2, 2),
          fixed(terms.units, 2),
          fixed(terms.shared_memory, 2),
          fixed(terms.chain, 2)};
}

Cells launch_of(const Explained& one) {
  const Explanation& how = *one.explanation;
  return {grouped(how.grid),         std::to_string(how.threads),
          fixed(how.waves, 2),       std::to_string(how.ctas_per_sm),
          grouped(how.shared_bytes), std::to_string(how.registers)};
}

std::string table_of(const std::vector<Explained>& all, const std::string& title,
                     const Cells& titles, Cells (*cells_of)(const Explained&)) {
  std::size_t width = title.size();
  for (const Explained& one : all) width = std::max(width, one.kernel.size() + 2);
  std::string text = line_of(title, width, titles);
  for (const Explained& one : all) {
    if (one.explanation) {
      text += line_of(one.kernel + (one.planned ? " *" : ""), width, cells_of(one));
    }
  }
  return text;
}

std::string text_of(const Problem& problem, const std::vector<Explained>& all,
                    const DeviceSpeed& speed) {
  const ConvProblem& conv = problem.lines.front().convs.front().problem;
  std::string text =
      "\n" + named(problem) + (problem.blocks ? descriptor_of(problem) : to_string(conv)) + "\n";
  if (std::ranges::any_of(all, [](const Explained& one) { return one.explanation.has_value(); })) {
    text += table_of(all, "microseconds, by the model",
                     {"floor", "vs first", "DRAM", "L2", "units", "shared", "chain"}, costs_of) +
            table_of(all, "launch", {"CTAs", "threads", "waves", "an SM", "shared", "registers"},
                     launch_of);
  }
  for (const Explained& one : all) {
    if (!one.explanation)
      text += "  " + wrapped(one.kernel + "  not possible: " + one.refusal, 4) + "\n";
  }
  return text + titled("device", speed.to_string());
}

}  // namespace

bool explain_kernels(const Problem& problem, const std::vector<std::string>& kernels,
                     Writer& writer) {
  const DeviceSpeed speed = value_of(device_speed());
  const std::vector<Explained> all = all_explained(problem, kernels, speed);
  std::string text = text_of(problem, all, speed);
  text.pop_back();  // the last line's end
  for (const Explained& one : all) {
    writer.row(fields_of_kernel(problem, one), std::exchange(text, ""));
  }
  return std::ranges::any_of(all, [](const Explained& one) { return one.explanation.has_value(); });
}

}  // namespace foldconv::tool
