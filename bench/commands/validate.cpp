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

std::string bits_text(const Finding& finding) {
  if (!finding.same_bits) return "-";
  if (*finding.same_bits) return "same";
  return finding.same_promised ? "OTHER" : "other";
}

// Of kernels that are compared.
Fields fields_of_bits(const Finding& finding) {
  const bool compared = finding.same_bits.has_value();
  return {{"same_bits",
           value_if(compared, finding.same_bits.value_or(false)),
           {"bits", 5},
           bits_text(finding)},
          {"same_bits_as", text_or_none(finding.beside)},
          {"same_bits_promised", value_if(compared, finding.same_promised)}};
}

// Of the column of kernels that are compared; 0: none are.
int widest_of(const std::vector<std::string>& kernels) {
  std::size_t width = 0;
  for (const std::string& kernel : kernels) width = std::max(width, kernel.size());
  return static_cast<int>(width);
}

// `way_width`: of kernels that are compared; 0: of ways, beside which their kernels stand.
Fields fields_of(const Problem& problem, const Finding& finding, bool first, int label_width,
                 int way_width) {
  const bool compares = way_width > 0;
  const int kernel_width = std::clamp(64 - label_width, 31, 44);
  const bool possible = finding.refusal.empty(), ran = finding.ran, passes = finding.pass();
  const auto& [pass, max_abs_error, worst_share, reason] = finding.verdict;
  Fields fields = problem_fields(
      problem, first, label_width,
      {{"way",
        text_or_none(finding.way),
        {compares ? "kernel" : "way", compares ? way_width : 7, true}},
       {"kernel",
        value_if(ran, finding.kernels),
        {"kernel", compares ? 0 : kernel_width, true},
        clipped(kernels_text(finding), kernel_width)},
       {"max_abs_error",
        value_if(ran, max_abs_error),
        {"max error", 9},
        short_number(max_abs_error)},
       {"worst_share_of_bound", value_if(ran, worst_share), {"of bound", 8, false, 3}},
       {"repeatable", value_if(ran, finding.repeatable), {"repeat", 6}},
       {"batch_invariant", value_if(ran, finding.batch_invariant), {"batch", 6}},
       {"in_bounds", value_if(ran, finding.in_bounds)}});
  if (compares) {
    const Fields bits = fields_of_bits(finding);
    fields.insert(fields.end(), bits.begin(), bits.end());
  }
  const Fields verdict = {
      {"pass", value_if(possible, passes), {"result", 6}, passes ? "PASS" : "FAIL"},
      {"reason", text_or_none(possible ? finding.reason : finding.refusal)}};
  fields.insert(fields.end(), verdict.begin(), verdict.end());
  return fields;
}

std::vector<std::string> lines_above(bool compares) {
  std::vector<std::string> lines = {
      "max error: largest difference to the fp64 reference; of bound: worst share of the "
      "computed error bound",
      "repeat: two runs gave the same bits; batch: so did a larger batch"};
  if (compares) {
    lines.emplace_back(
        "bits: as those of the first kernel that sums in the same order: by mma, by wgmma, or "
        "without tensor cores;");
    lines.emplace_back(
        "  the first of each order: as those of the first kernel, which nothing promises");
  } else {
    lines.emplace_back(
        "blocks: errors of all convolutions, each run and judged by itself; every cut must have "
        "the bits of the last one");
    lines.emplace_back("planned: what plan() takes by itself");
  }
  return lines;
}

// Of kernels that are compared none takes the problem, so that nothing was checked.
bool is_untaken(const std::vector<Finding>& findings) {
  return std::ranges::all_of(findings,
                             [](const Finding& finding) { return !finding.refusal.empty(); });
}

}  // namespace

int run_validate(const Options& options, const harness::Device& device, const Problems& problems,
                 Writer& writer) {
  const bool compares = !options.kernels.empty();
  writer.begin(heading_of(options, device, {}, lines_above(compares)));
  const int way_width = widest_of(options.kernels);
  const int width = std::min(label_width(problems), compares ? 64 - way_width : 64);
  Progress progress(problems.size());
  std::size_t passed = 0, untaken = 0;
  double worst = 0;
  std::string worst_label;
  for (Problem problem : problems) {
    progress.next(problem.label);
    std::vector<Finding> findings;
    try {
      fill(problem, options.data);
      const auto doing = [&](const std::string& what) { progress.doing(what); };
      findings =
          compares ? examine_kernels(problem, options.kernels, doing) : examine(problem, doing);
    } catch (const harness::Error& error) {
      findings.push_back({.reason = error.what()});
    }
    progress.clear();
    for (const Finding& finding : findings) {
      const Fields fields =
          fields_of(problem, finding, &finding == &findings.front(), width, way_width);
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
    if (compares && is_untaken(findings)) {
      ++untaken;
      continue;
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
  std::vector<std::string> lines = {"", line};
  if (untaken > 0) lines.push_back("none of the kernels takes " + counted(untaken, "problem"));
  writer.end({{"problems", problems.size()}, {"passed", passed}, {"worst_share_of_bound", worst}},
             lines);
  return passed == problems.size() ? kExitSuccess : kExitFailure;
}

}  // namespace foldconv::tool
