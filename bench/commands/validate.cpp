// SPDX-License-Identifier: MIT
// validate: are the kernels right, repeatable, and independent of the batch?
#include <algorithm>

#include "commands/commands.hpp"
#include "commands/findings.hpp"
#include "harness/error.hpp"
#include "report/progress.hpp"
#include "report/text.hpp"

namespace foldconv::tool {
namespace {

using harness::Problem;

// What a table says about the kernels.
std::string kernels_text(const Finding& finding) {
  if (!finding.taken.empty()) return "as " + finding.taken;
  const auto count = std::ranges::count(finding.kernels, ' ');
  return count == 0 ? finding.kernels : counted(static_cast<std::size_t>(count) + 1, "kernel");
}

Fields fields_of(const Problem& problem, const Finding& finding, bool first, int label_width) {
  const int kernel_width = std::clamp(64 - label_width, 31, 44);
  const bool possible = finding.refusal.empty(), ran = finding.ran, passes = finding.pass();
  const auto& [pass, max_abs_error, worst_share, reason] = finding.verdict;
  return problem_fields(
      problem, first, label_width,
      {{"way", text_or_none(finding.way), {"way", 7, true}},
       {"kernel",
        value_if(ran, finding.kernels),
        {"kernel", kernel_width, true},
        clipped(kernels_text(finding), kernel_width)},
       {"max_abs_error",
        value_if(ran, max_abs_error),
        {"max error", 9},
        short_number(max_abs_error)},
       {"worst_share_of_bound", value_if(ran, worst_share), {"of bound", 8, false, 3}},
       {"repeatable", value_if(ran, finding.repeatable), {"repeat", 6}},
       {"batch_invariant", value_if(ran, finding.batch_invariant), {"batch", 6}},
       {"in_bounds", value_if(ran, finding.in_bounds)},
       {"pass", value_if(possible, passes), {"result", 6}, passes ? "PASS" : "FAIL"},
       {"reason", text_or_none(possible ? finding.reason : finding.refusal)}});
}

}  // namespace

int run_validate(const Options& options, const harness::Device& device, const Problems& problems,
                 Writer& writer) {
  writer.begin(heading_of(
      options, device, {},
      {"max error: largest difference to the fp64 reference; of bound: worst share of the "
       "computed error bound",
       "repeat: two runs gave the same bits; batch: so did a larger batch",
       "blocks: errors of all convolutions, each run and judged by itself; every cut must have "
       "the bits of the last one",
       "planned: what plan() takes by itself"}));
  const int width = label_width(problems);
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
      const Fields fields = fields_of(problem, finding, &finding == &findings.front(), width);
      if (!finding.refusal.empty()) {
        writer.row(fields, "", "not possible: " + finding.refusal);
        continue;
      }
      writer.row(fields, finding.reason.empty() ? "" : "  " + wrapped(finding.reason, 2),
                 finding.ran ? "" : "FAIL");
      if (finding.verdict.worst_share < worst) continue;
      worst = finding.verdict.worst_share;
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
  writer.end({{"problems", problems.size()}, {"passed", passed}, {"worst_share_of_bound", worst}},
             {"", line});
  return passed == problems.size() ? kExitSuccess : kExitFailure;
}

}  // namespace foldconv::tool
