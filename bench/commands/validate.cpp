// validate: are the kernels right, repeatable, and independent of the batch?
#include <algorithm>

#include "commands/commands.hpp"
#include "report/findings.hpp"

namespace foldconv::tool {
namespace {

constexpr int kKernelWidth = 36, kCutWidth = 7;

// What a table says about the kernels of a cut.
std::string kernels_text(const Finding& finding) {
  if (!finding.taken.empty() && finding.taken != to_string(BlockCut::automatic)) {
    return "as " + finding.taken;
  }
  const auto count = std::ranges::count(finding.kernels, ' ');
  return count == 0 ? finding.kernels : counted(static_cast<std::size_t>(count) + 1, "kernel");
}

struct Identity {
  std::string name, label, descriptor;
};

Fields to_fields(const Identity& problem, const Finding* finding, const std::string& reason) {
  const bool ran = finding != nullptr && finding->refusal.empty();
  const Finding none;
  const Finding& found = finding == nullptr ? none : *finding;
  return {{"name", problem.name},
          {"descriptor", problem.descriptor},
          {"cut", text_or_none(found.cut)},
          {"kernel", value_if(ran, found.kernels)},
          {"max_abs_error", value_if(ran, found.verdict.max_abs_error)},
          {"worst_share_of_bound", value_if(ran, found.verdict.worst_share)},
          {"repeatable", value_if(ran, found.repeatable)},
          {"batch_invariant", value_if(ran, found.batch_invariant)},
          {"in_bounds", value_if(ran, found.in_bounds)},
          {"pass", value_if(found.refusal.empty(), ran && found.pass())},
          {"reason", text_or_none(reason)}};
}

class ValidateReport {
 public:
  ValidateReport(const Options& options, const Device& device, int label_width, Report& report)
      : label_width_(label_width), report_(report) {
    Heading heading{.fields = heading_fields(options, device),
                    .preamble = heading_lines(options, device),
                    .columns = {}};
    heading.preamble.insert(
        heading.preamble.end(),
        {"max error: largest difference to the fp64 reference; of bound: worst share of the "
         "computed error bound",
         "repeat: two runs gave the same bits; batch: so did a larger batch, for a copy at its "
         "end"});
    report_.begin(heading);
  }

  void begin_blocks() {
    report_.section({"chain: errors of all its convolutions, each run and judged by itself; every "
                     "other cut must have the chain's bits",
                     "planned: the cut that plan() takes by itself"},
                    columns(true));
  }
  void begin_layers() { report_.section({}, columns(false)); }

  // `with_cut`: a row of the blocks' table.
  void row(const Identity& problem, const Finding& finding, bool with_cut, bool first) {
    const bool refused = !finding.refusal.empty();
    const std::string& reason = refused ? finding.refusal : finding.verdict.reason;
    Row row{.fields = to_fields(problem, &finding, reason),
            .cells = {first ? clipped(problem.label, label_width_) : ""},
            .note = refused || reason.empty() ? "" : "  " + wrapped(reason, 2)};
    if (with_cut) row.cells.push_back(finding.cut);
    if (refused) {
      row.cells.push_back(wrapped("not possible: " + reason,
                                  static_cast<std::size_t>(label_width_ + kCutWidth + 4)));
    } else {
      const auto yes_no = [](bool yes) { return yes ? "yes" : "NO"; };
      row.cells.insert(
          row.cells.end(),
          {with_cut ? clipped(kernels_text(finding), block_kernel_width()) : finding.kernels,
           short_number(finding.verdict.max_abs_error), fixed(finding.verdict.worst_share, 3),
           yes_no(finding.repeatable), yes_no(finding.batch_invariant),
           finding.pass() ? "PASS" : "FAIL"});
    }
    report_.row(row);
  }

  void failure(const Identity& problem, const Status& status, bool with_cut) {
    const std::string& reason = status.message();
    Row row{.fields = to_fields(problem, nullptr, reason),
            .cells = {clipped(problem.label, label_width_)},
            .note = "  " + wrapped(reason, 2)};
    row.cells.insert(row.cells.end(), with_cut ? 6 : 5, "-");
    row.cells.emplace_back("FAIL");
    report_.row(row);
  }

  void count(const Identity& problem, const std::vector<Finding>& findings) {
    ++problems_;
    if (!findings.empty() && std::ranges::all_of(findings, [](const Finding& finding) {
          return !finding.refusal.empty() || finding.pass();
        })) {
      ++passed_;
    }
    for (const Finding& finding : findings) {
      if (!finding.refusal.empty() || finding.verdict.worst_share < worst_) continue;
      worst_ = finding.verdict.worst_share;
      worst_label_ = problem.label;
    }
  }

  int end() {
    std::string line = std::to_string(passed_) + " of " + counted(problems_, "problem") + " passed";
    if (!worst_label_.empty()) {
      line += "; worst share of the error bound " + fixed(worst_, 3) + " (" + worst_label_ + ")";
    }
    report_.end({{"problems", static_cast<std::int64_t>(problems_)},
                 {"passed", static_cast<std::int64_t>(passed_)},
                 {"worst_share_of_bound", worst_}},
                {"", line});
    return passed_ == problems_ ? kExitSuccess : kExitFailure;
  }

 private:
  // A cut stands beside the kernel, which has what is left of the line.
  int block_kernel_width() const { return std::clamp(64 - label_width_, 31, 44); }

  std::vector<Column> columns(bool with_cut) const {
    std::vector<Column> all = {{"problem", label_width_, true}};
    if (with_cut) all.push_back({"cut", kCutWidth, true});
    all.insert(all.end(), {{"kernel", with_cut ? block_kernel_width() : kKernelWidth, true},
                           {"max error", 9, false},
                           {"of bound", 8, false},
                           {"repeat", 6, false},
                           {"batch", 6, false},
                           {"result", 6, false}});
    return all;
  }

  int label_width_;
  Report& report_;
  std::size_t problems_ = 0, passed_ = 0;
  double worst_ = 0;
  std::string worst_label_;
};

}  // namespace

int run_validate(const Options& options, const Device& device, const ProblemList& list,
                 Report& report) {
  ValidateReport out(options, device, label_width(list), report);
  Progress progress(list.blocks.size() + list.problems.size());
  if (!list.blocks.empty()) out.begin_blocks();
  for (const BlockDescriptor& descriptor : list.blocks) {
    progress.next(label(descriptor));
    const Identity problem{descriptor.name, label(descriptor),
                           to_descriptor(descriptor.problem, descriptor.blocks)};
    const Result<BlockWorkload> workload = make_block_workload(descriptor, options);
    const Result<std::vector<Finding>> findings =
        workload ? examine_blocks(*workload, progress) : workload.status();
    progress.clear();
    if (findings) {
      for (std::size_t i = 0; i < findings->size(); ++i) {
        out.row(problem, (*findings)[i], true, i == 0);
      }
    } else {
      out.failure(problem, with_fault(findings.status()), true);
    }
    out.count(problem, findings ? *findings : std::vector<Finding>());
  }
  if (!list.problems.empty()) out.begin_layers();
  for (const Descriptor& descriptor : list.problems) {
    progress.next(label(descriptor));
    const ConvProblem layer = apply(options, descriptor.problem);
    const Identity problem{descriptor.name, label(descriptor), to_descriptor(layer)};
    const Result<Finding> finding = examine_layer(layer, options, progress);
    progress.clear();
    if (finding) {
      out.row(problem, *finding, false, true);
    } else {
      out.failure(problem, with_fault(finding.status()), false);
    }
    out.count(problem, finding ? std::vector<Finding>{*finding} : std::vector<Finding>());
  }
  return out.end();
}

}  // namespace foldconv::tool
