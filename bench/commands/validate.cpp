// SPDX-License-Identifier: MIT
// validate: are the kernels right, repeatable, and independent of the batch?
#include <algorithm>

#include "commands/commands.hpp"
#include "commands/findings.hpp"
#include "harness/error.hpp"
#include "harness/problem/text.hpp"
#include "report/progress.hpp"
#include "report/text.hpp"

namespace foldconv::tool {
namespace {

using harness::Device;
using harness::Problem;

constexpr int kWayWidth = 7;
constexpr std::size_t kNamed = 2;  // columns before those of findings

struct FoundRow {
  std::string name, label, descriptor;
  Finding finding;
  bool first = true;
};

const std::string& reason_of(const FoundRow& row) {
  return !row.finding.refusal.empty() ? row.finding.refusal : row.finding.reason;
}

// What a table says about the kernels.
std::string kernels_text(const Finding& finding) {
  if (!finding.taken.empty()) return "as " + finding.taken;
  const auto count = std::ranges::count(finding.kernels, ' ');
  return count == 0 ? finding.kernels : counted(static_cast<std::size_t>(count) + 1, "kernel");
}

std::vector<Column<FoundRow>> columns_of(int label_width) {
  const int kernel_width = std::clamp(64 - label_width, 31, 44);
  const auto ran = [](auto value) {
    return [value](const FoundRow& row) { return value_if(row.finding.ran, value(row.finding)); };
  };
  const auto yes_no = [](bool Finding::*member) {
    return [member](const FoundRow& row) { return row.finding.*member ? "yes" : "NO"; };
  };
  return {{"name", [](const FoundRow& row) { return row.name; }},
          {"descriptor",
           [](const FoundRow& row) { return row.descriptor; },
           {"problem", label_width, true},
           [label_width](const FoundRow& row) {
             return row.first ? clipped(row.label, label_width) : "";
           }},
          {"way",
           [](const FoundRow& row) { return text_or_none(row.finding.way); },
           {"way", kWayWidth, true},
           [](const FoundRow& row) { return row.finding.way; }},
          {"kernel",
           ran([](const Finding& finding) { return finding.kernels; }),
           {"kernel", kernel_width, true},
           [kernel_width](const FoundRow& row) {
             return clipped(kernels_text(row.finding), kernel_width);
           }},
          {"max_abs_error",
           ran([](const Finding& finding) { return finding.max_abs_error; }),
           {"max error", 9},
           [](const FoundRow& row) { return short_number(row.finding.max_abs_error); }},
          {"worst_share_of_bound",
           ran([](const Finding& finding) { return finding.worst_share; }),
           {"of bound", 8},
           [](const FoundRow& row) { return fixed(row.finding.worst_share, 3); }},
          {"repeatable",
           ran([](const Finding& finding) { return finding.repeatable; }),
           {"repeat", 6},
           yes_no(&Finding::repeatable)},
          {"batch_invariant",
           ran([](const Finding& finding) { return finding.batch_invariant; }),
           {"batch", 6},
           yes_no(&Finding::batch_invariant)},
          {"in_bounds", ran([](const Finding& finding) { return finding.in_bounds; })},
          {"pass",
           [](const FoundRow& row) {
             return value_if(row.finding.refusal.empty(), row.finding.pass());
           },
           {"result", 6},
           [](const FoundRow& row) { return row.finding.pass() ? "PASS" : "FAIL"; }},
          {"reason", [](const FoundRow& row) { return text_or_none(reason_of(row)); }}};
}

class ValidateReport {
 public:
  ValidateReport(Writer& writer, Heading heading, int label_width)
      : label_width_(label_width),
        report_(writer, with_legend(std::move(heading)), columns_of(label_width)) {}

  void rows(const Problem& problem, const std::vector<Finding>& findings) {
    ++problems_;
    bool passed = true;
    for (const Finding& finding : findings) {
      const FoundRow row{problem.name, problem.label, descriptor_of(problem), finding,
                         &finding == &findings.front()};
      const auto indent = static_cast<std::size_t>(label_width_ + kWayWidth + 4);
      const std::string reason = reason_of(row);
      if (!finding.refusal.empty()) {
        report_.row(row, "", wrapped("not possible: " + reason, indent), kNamed);
        continue;
      }
      const std::string note = reason.empty() ? "" : "  " + wrapped(reason, 2);
      report_.row(row, note, finding.ran ? "" : "FAIL", kNamed);
      passed = passed && finding.pass();
      if (finding.worst_share >= worst_) {
        worst_ = finding.worst_share;
        worst_label_ = problem.label;
      }
    }
    if (passed) ++passed_;
  }

  bool end() {
    std::string line = std::to_string(passed_) + " of " + counted(problems_, "problem") + " passed";
    if (!worst_label_.empty()) {
      line += "; worst share of the error bound " + fixed(worst_, 3) + " (" + worst_label_ + ")";
    }
    report_.end({{"problems", count_of(problems_)},
                 {"passed", count_of(passed_)},
                 {"worst_share_of_bound", worst_}},
                {"", line});
    return passed_ == problems_;
  }

 private:
  static Heading with_legend(Heading heading) {
    heading.preamble.insert(
        heading.preamble.end(),
        {"max error: largest difference to the fp64 reference; of bound: worst share of the "
         "computed error bound",
         "repeat: two runs gave the same bits; batch: so did a larger batch",
         "blocks: errors of all convolutions, each run and judged by itself; every cut must have "
         "the bits of the last one",
         "planned: what plan() takes by itself"});
    return heading;
  }

  int label_width_;
  Report<FoundRow> report_;
  std::size_t problems_ = 0, passed_ = 0;
  double worst_ = 0;
  std::string worst_label_;
};

}  // namespace

int run_validate(const Options& options, const Device& device, const Problems& problems,
                 Writer& writer) {
  ValidateReport report(writer, heading_of(options, device), label_width(problems));
  Progress progress(problems.size());
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
    report.rows(problem, findings);
  }
  return report.end() ? kExitSuccess : kExitFailure;
}

}  // namespace foldconv::tool
