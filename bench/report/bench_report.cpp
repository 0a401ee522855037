#include "report/bench_report.hpp"

#include <algorithm>

#include "commands/commands.hpp"
#include "report/bench_heading.hpp"

namespace foldconv::tool {
namespace {

// What the others are compared with: fused of a layer, the planned one of a block; where it is not
// asked for, one of which nothing is known.
const Measured& baseline_of(const std::vector<Measured>& measured) {
  static const Measured none;
  auto found = std::ranges::find(measured, true, &Measured::planned);
  if (found == measured.end()) {
    found = std::ranges::find(measured, "fused", &Measured::implementation);
  }
  return found == measured.end() ? none : *found;
}

bool all_right(const std::vector<Measured>& measured) {
  return std::ranges::all_of(measured, [](const Measured& one) { return one.wrong.empty(); });
}

}  // namespace

BenchReport::BenchReport(const Options& options, const Device& device, const Roofs& roofs,
                         int label_width, Report& report)
    : emulated_(device.emulated), rows_(options, device, label_width), report_(report) {
  report_.begin(bench_heading(options, device, roofs));
}

void BenchReport::begin_layers() {
  blocks_ = false;
  report_.section({}, rows_.columns(blocks_));
}

void BenchReport::begin_blocks() {
  blocks_ = true;
  report_.section({"*: the cut that plan() takes; separate: the chain's convolutions, then "
                   "BatchNorm, add, activation as kernels"},
                  rows_.columns(blocks_));
}

void BenchReport::rows(const BenchProblem& problem, const std::vector<Measured>& measured) {
  ++problems_;
  if (all_right(measured)) ++right_;
  Summary& summary = blocks_ ? block_summary_ : layer_summary_;
  ++summary.problems;
  const Measured& baseline = baseline_of(measured);
  bool first = true;
  for (const Measured& one : measured) {
    for (const Figure figure : rows_.figures()) {
      const double over = seconds_of(baseline, figure);
      if (!(over > 0)) continue;
      summary.averages[static_cast<std::size_t>(figure)].add(
          one.implementation, seconds_of(one, figure) / over, &one != &baseline);
    }
    report_.row(rows_.row(problem, one, baseline, blocks_, first));
    first = false;
  }
}

void BenchReport::failure(const BenchProblem& problem, const Status& status) {
  ++problems_;
  Measured none;
  none.wrong = status.message();
  report_.row(rows_.row(problem, none, none, blocks_, true));
}

void BenchReport::add_means(const Summary& summary, const char* baseline, const std::string& text,
                            Fields& fields, std::vector<std::string>& lines) const {
  for (const Figure figure : rows_.figures()) {
    std::string means;
    for (const Averages::Average& average :
         summary.averages[static_cast<std::size_t>(figure)].of_all(summary.problems)) {
      fields.emplace_back(average.implementation + "_over_" + baseline + "_" + to_string(figure),
                          average.mean.value());
      means += (means.empty() ? "" : ", ") + average.implementation + " " +
               fixed(average.mean.value(), 2) + "x";
    }
    if (means.empty()) continue;
    lines.push_back(std::string(to_string(figure)) + " time over " + text +
                    ", geometric mean: " + means);
  }
}

int BenchReport::end() {
  const std::string right =
      std::to_string(right_) + " of " + counted(problems_, "problem") + " right";
  Fields fields = {{"problems", static_cast<std::int64_t>(problems_)},
                   {"right", static_cast<std::int64_t>(right_)}};
  std::vector<std::string> means;
  add_means(block_summary_, "planned", "the planned cut", fields, means);
  add_means(layer_summary_, "fused", "fused", fields, means);
  if (!emulated_) {
    // Whether the device kept its clocks; compare with the heading's.
    const Machine machine = current_machine(emulated_);
    fields.emplace_back(
        "sm_clock_mhz",
        machine.sm_clock_mhz ? Value(static_cast<std::int64_t>(*machine.sm_clock_mhz)) : Value());
  }
  // The first stands behind it, the others on lines of their own.
  std::vector<std::string> lines = {"", right + (means.empty() ? "" : "; " + means.front())};
  if (!means.empty()) lines.insert(lines.end(), means.begin() + 1, means.end());
  report_.end(fields, lines);
  return right_ == problems_ ? kExitSuccess : kExitFailure;
}

}  // namespace foldconv::tool
