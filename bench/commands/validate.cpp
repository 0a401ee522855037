// SPDX-License-Identifier: MIT
// validate: are the kernels right, repeatable, and independent of the batch?
#include <algorithm>

#include "commands/commands.hpp"
#include "commands/findings.hpp"
#include "harness/error.hpp"
#include "report/progress.hpp"

namespace foldconv::tool {
namespace {

using harness::Problem;

constexpr int kWayWidth = 7;
constexpr std::size_t kNamed = 2;  // columns before those of findings

struct FoundRow {
  const Problem& problem;
  const Finding& finding;
  bool first = true;  // of its problem
};

// What a table says about the kernels.
std::string kernels_text(const Finding& finding) {
  if (!finding.taken.empty()) return "as " + finding.taken;
  const auto count = std::ranges::count(finding.kernels, ' ');
  return count == 0 ? finding.kernels : counted(static_cast<std::size_t>(count) + 1, "kernel");
}

std::vector<Column<FoundRow>> columns_of(int label_width) {
  const int kernel_width = std::clamp(64 - label_width, 31, 44);
  const auto found = [](auto Finding::*member) {
    return [member](const FoundRow& row) { return value_if(row.finding.ran, row.finding.*member); };
  };
  std::vector<Column<FoundRow>> columns = problem_columns<FoundRow>(label_width);
  columns.insert(
      columns.end(),
      {{"way",
        [](const FoundRow& row) { return text_or_none(row.finding.way); },
        {"way", kWayWidth, true}},
       {"kernel",
        found(&Finding::kernels),
        {"kernel", kernel_width, true},
        [kernel_width](const FoundRow& row) {
          return clipped(kernels_text(row.finding), kernel_width);
        }},
       {"max_abs_error",
        found(&Finding::max_abs_error),
        {"max error", 9},
        [](const FoundRow& row) { return short_number(row.finding.max_abs_error); }},
       {"worst_share_of_bound", found(&Finding::worst_share), {"of bound", 8, false, 3}},
       {"repeatable", found(&Finding::repeatable), {"repeat", 6}},
       {"batch_invariant", found(&Finding::batch_invariant), {"batch", 6}},
       {"in_bounds", found(&Finding::in_bounds)},
       {"pass",
        [](const FoundRow& row) {
          return value_if(row.finding.refusal.empty(), row.finding.pass());
        },
        {"result", 6},
        [](const FoundRow& row) { return row.finding.pass() ? "PASS" : "FAIL"; }},
       {"reason", [](const FoundRow& row) {
          const Finding& finding = row.finding;
          return text_or_none(finding.refusal.empty() ? finding.reason : finding.refusal);
        }}});
  return columns;
}

}  // namespace

int run_validate(const Options& options, const harness::Device& device, const Problems& problems,
                 Writer& writer) {
  Heading heading = heading_of(options, device);
  heading.preamble.insert(
      heading.preamble.end(),
      {"max error: largest difference to the fp64 reference; of bound: worst share of the "
       "computed error bound",
       "repeat: two runs gave the same bits; batch: so did a larger batch",
       "blocks: errors of all convolutions, each run and judged by itself; every cut must have "
       "the bits of the last one",
       "planned: what plan() takes by itself"});
  const int width = label_width(problems);
  Report<FoundRow> report(writer, heading, columns_of(width));
  Progress progress(problems.size());
  std::size_t passed = 0;
  double worst = 0;
  std::string worst_label;
  for (Problem problem : problems) {
    progress.next(problem.label);
    std::vector<Finding> findings;
    try {
      fill(problem, options.data);
      findings = examine(problem, [&](const std::string& what) { progress.doing(what); });
    } catch (const harness::Error& error) {
      findings.push_back({.reason = error.what()});
    }
    progress.clear();
    for (const Finding& finding : findings) {
      const FoundRow row{problem, finding, &finding == &findings.front()};
      if (!finding.refusal.empty()) {
        const auto indent = static_cast<std::size_t>(width + kWayWidth + 4);
        report.row(row, "", wrapped("not possible: " + finding.refusal, indent), kNamed);
        continue;
      }
      report.row(row, finding.reason.empty() ? "" : "  " + wrapped(finding.reason, 2),
                 finding.ran ? "" : "FAIL", kNamed);
      if (finding.worst_share < worst) continue;
      worst = finding.worst_share;
      worst_label = problem.label;
    }
    passed += std::ranges::all_of(findings, [](const Finding& finding) {
      return finding.pass() || !finding.refusal.empty();
    });
  }
  std::string line =
      std::to_string(passed) + " of " + counted(problems.size(), "problem") + " passed";
  if (!worst_label.empty()) {
    line += "; worst share of the error bound " + fixed(worst, 3) + " (" + worst_label + ")";
  }
  report.end({{"problems", to_value(problems.size())},
              {"passed", to_value(passed)},
              {"worst_share_of_bound", worst}},
             {"", line});
  return passed == problems.size() ? kExitSuccess : kExitFailure;
}

}  // namespace foldconv::tool
