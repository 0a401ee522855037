// SPDX-License-Identifier: MIT
#include "report/bench_report.hpp"

#include <algorithm>
#include <utility>

#include "report/text.hpp"

namespace foldconv::tool {
namespace {

constexpr int kWayWidth = 14;  // "cudnn-separate"
// Times of two states of the cache leave less room.
constexpr int kLabelWidthOfTwo = 18;
// Columns in the table before those of figures.
constexpr std::size_t kNamed = 2;

bool counted_on_emulator(const std::vector<Figure>& figures) {
  return std::ranges::count(figures, Figure::floor) > 0;
}

const std::optional<harness::Timing>& timing_of(const Measured& measured, Figure figure) {
  return figure == Figure::warm ? measured.timings.warm : measured.timings.cold;
}

Value known(double value) {
  return value_if(value > 0, value);
}

const std::string& reason_of(const Measured& way) {
  return !way.refusal.empty() ? way.refusal : !way.wrong.empty() ? way.wrong : way.untimed;
}

const char* kind_of(const BenchProblem& problem) {
  return problem.blocks ? "block" : "layer";
}

std::string number_or_dash(double value, int digits) {
  return value > 0 ? fixed(value, digits) : "-";
}

using Columns = std::vector<Column<BenchRow>>;

void add_problem(int label_width, Columns& columns) {
  columns.insert(
      columns.end(),
      {{"name", [](const BenchRow& row) { return row.problem.name; }},
       {"descriptor",
        [](const BenchRow& row) { return row.problem.descriptor; },
        {"problem", label_width, true},
        [label_width](const BenchRow& row) {
          return row.first ? clipped(row.problem.label, label_width) : "";
        }},
       {"kind", [](const BenchRow& row) { return std::string(kind_of(row.problem)); }},
       {"images",
        [](const BenchRow& row) { return static_cast<std::int64_t>(row.problem.images); }},
       {"way",
        [](const BenchRow& row) { return row.way.way; },
        {"way", kWayWidth, true},
        [](const BenchRow& row) { return row.way.way + (row.way.planned ? " *" : ""); }},
       {"kernel", [](const BenchRow& row) { return row.way.kernels; }},
       {"planned", [](const BenchRow& row) { return row.way.planned; }},
       {"baseline", [](const BenchRow& row) { return &row.way == &row.baseline; }},
       {"right",
        [](const BenchRow& row) { return value_if(row.way.refusal.empty(), row.way.right()); }},
       {"reason", [](const BenchRow& row) { return text_or_none(reason_of(row.way)); }},
       {"launches",
        [](const BenchRow& row) {
          return value_if(row.way.refusal.empty(), count_of(row.way.launches));
        },
        {"launches", 8},
        [](const BenchRow& row) { return std::to_string(row.way.launches); }},
       {"problem_bytes", [](const BenchRow& row) { return known(row.problem.work.bytes); }},
       {"problem_flops", [](const BenchRow& row) { return known(row.problem.work.flops); }},
       {"bytes", [](const BenchRow& row) { return value_if(row.way.right(), row.way.work.bytes); }},
       {"flops",
        [](const BenchRow& row) { return value_if(row.way.right(), row.way.work.flops); }}});
}

// `shown`: on the emulator. Counters of a wrong result say nothing.
void add_counters(bool shown, Columns& columns) {
  const auto add = [&](const char* key, auto value, Place place = {},
                       std::function<std::string(const BenchRow&)> cell = {}) {
    if (!shown) place.width = 0;
    columns.push_back({key,
                       [shown, value](const BenchRow& row) {
                         return value_if(shown && row.way.right(), value(row.way.total()));
                       },
                       place, std::move(cell)});
  };
  add(
      "dram_bytes", [](const Traffic& total) { return count_of(total.dram_bytes); }, {"DRAM MB", 9},
      [](const BenchRow& row) {
        return fixed(static_cast<double>(row.way.total().dram_bytes) * 1e-6, 3);
      });
  add(
      "mma_instructions", [](const Traffic& total) { return count_of(total.mma_instructions); },
      {"mma", 9}, [](const BenchRow& row) { return grouped(row.way.total().mma_instructions); });
  add("mma_flops", [](const Traffic& total) { return count_of(total.mma_flops); });
  add("fma_flops", [](const Traffic& total) { return count_of(total.fma_flops); });
  add(
      "wavefronts_over_ideal",
      [](const Traffic& total) { return Value(total.wavefronts_over_ideal()); },
      {"wavefronts/ideal", 16},
      [](const BenchRow& row) {
        return number_or_dash(row.way.total().wavefronts_over_ideal(), 3);
      });
}

void add_floor(bool emulated, Columns& columns) {
  const auto is_known = [](const BenchRow& row) { return row.seconds(Figure::floor) > 0; };
  columns.push_back(
      {"floor_us",
       [is_known](const BenchRow& row) {
         return value_if(is_known(row), row.way.floor.seconds * 1e6);
       },
       {"floor us", emulated ? 9 : 8},
       [](const BenchRow& row) { return number_or_dash(row.way.floor.seconds * 1e6, 2); }});
  columns.push_back({"limit",
                     [is_known](const BenchRow& row) {
                       return value_if(is_known(row), std::string(to_string(row.way.floor.limit)));
                     },
                     {"limit", emulated ? 6 : 0, true},
                     [](const BenchRow& row) { return to_string(row.way.floor.limit); }});
  columns.push_back(
      {"floor_over_baseline",
       [](const BenchRow& row) { return known(row.over_baseline(Figure::floor)); },
       {"vs plan", emulated ? 8 : 0},
       [](const BenchRow& row) { return number_or_dash(row.over_baseline(Figure::floor), 2); }});
  columns.push_back({"planner_floor_us", [](const BenchRow& row) {
                       return value_if(row.way.right() && row.way.planner_floor_us > 0,
                                       row.way.planner_floor_us);
                     }});
}

// Times in one state of the cache; `shown` in the table.
void add_times(Figure figure, bool shown, Columns& columns) {
  const std::string prefix = std::string(to_string(figure)) + "_";
  const auto add =
      [&](const char* key, auto value, Place place = {},
          std::function<std::string(const BenchRow&, const harness::Timing&)> cell = {}) {
        if (!shown) place.width = 0;
        columns.push_back({prefix + key,
                           [figure, value](const BenchRow& row) -> Value {
                             const std::optional<harness::Timing>& timing =
                                 timing_of(row.way, figure);
                             if (!timing || !(row.seconds(figure) > 0)) return {};
                             return value(row, *timing);
                           },
                           place,
                           [figure, cell](const BenchRow& row) -> std::string {
                             const std::optional<harness::Timing>& timing =
                                 timing_of(row.way, figure);
                             return timing ? cell(row, *timing) : "-";
                           }});
      };
  using Timing = harness::Timing;
  add(
      "us", [](const BenchRow&, const Timing& timing) { return timing.seconds * 1e6; },
      {std::string(to_string(figure)) + " us", 8},
      [](const BenchRow&, const Timing& timing) { return fixed(timing.seconds * 1e6, 2); });
  add(
      "noise_percent", [](const BenchRow&, const Timing& timing) { return timing.noise * 100; },
      {"+- % ", 5},
      [](const BenchRow&, const Timing& timing) {
        return fixed(timing.noise * 100, 1) +
               (timing.stopped == harness::Stop::time_limit ? "t" : " ");
      });
  add("uncertainty_percent",
      [](const BenchRow&, const Timing& timing) { return timing.uncertainty * 100; });
  add("samples", [](const BenchRow&, const Timing& timing) { return count_of(timing.samples); });
  add("stopped",
      [](const BenchRow&, const Timing& timing) { return std::string(to_string(timing.stopped)); });
  add(
      "share",
      [](const BenchRow& row, const Timing& timing) {
        return known(share_of(row.way.floor, timing.seconds));
      },
      {"share", 5},
      [](const BenchRow& row, const Timing& timing) {
        return number_or_dash(share_of(row.way.floor, timing.seconds), 2);
      });
  add("tflops", [](const BenchRow& row, const Timing& timing) {
    return row.problem.work.flops / timing.seconds * 1e-12;
  });
  add("gigabytes_per_second", [](const BenchRow& row, const Timing& timing) {
    return row.way.work.bytes / timing.seconds * 1e-9;
  });
  add(
      "over_baseline",
      [figure](const BenchRow& row, const Timing&) { return known(row.over_baseline(figure)); },
      {"vs plan", 7},
      [figure](const BenchRow& row, const Timing&) {
        return number_or_dash(row.over_baseline(figure), 2);
      });
}

// What the others are compared with; where it is not asked for, one of which nothing is known.
const Measured& baseline_of(const std::vector<Measured>& measured) {
  static const Measured none{};
  const auto found = std::ranges::find(measured, true, &Measured::planned);
  return found == measured.end() ? none : *found;
}

}  // namespace

const char* to_string(Figure figure) {
  switch (figure) {
    case Figure::floor:
      return "floor";
    case Figure::cold:
      return "cold";
    case Figure::warm:
      return "warm";
  }
  return "unknown";
}

double seconds_of(const Measured& measured, Figure figure) {
  if (!measured.right()) return 0;
  if (figure == Figure::floor) return measured.floor.seconds;
  const std::optional<harness::Timing>& timing = timing_of(measured, figure);
  return timing ? timing->seconds : 0;
}

double BenchRow::over_baseline(Figure figure) const {
  const double over = seconds_of(baseline, figure);
  return over > 0 ? seconds(figure) / over : 0;
}

std::vector<Column<BenchRow>> bench_columns(const std::vector<Figure>& figures, int label_width) {
  const bool emulated = counted_on_emulator(figures);
  Columns columns;
  add_problem(label_width, columns);
  add_counters(emulated, columns);
  add_floor(emulated, columns);
  for (const Figure figure : {Figure::cold, Figure::warm}) {
    add_times(figure, std::ranges::count(figures, figure) > 0, columns);
  }
  return columns;
}

BenchReport::BenchReport(Writer& writer, const Heading& heading, std::vector<Figure> figures,
                         int label_width)
    : figures_(std::move(figures)),
      label_width_(figures_.size() > 1 ? std::min(label_width, kLabelWidthOfTwo) : label_width),
      report_(writer, heading, bench_columns(figures_, label_width_)) {}

void BenchReport::rows(const BenchProblem& problem, const std::vector<Measured>& measured) {
  ++problems_;
  if (std::ranges::all_of(measured, [](const Measured& one) { return one.wrong.empty(); })) {
    ++right_;
  }
  Summary& summary = summaries_[kind_of(problem)];
  ++summary.problems;
  const Measured& baseline = baseline_of(measured);
  for (const Measured& way : measured) {
    const BenchRow of_way{problem, way, baseline, &way == &measured.front()};
    for (const Figure figure : figures_) {
      if (!(seconds_of(baseline, figure) > 0)) continue;
      summary.averages[static_cast<std::size_t>(figure)].add(way.way, of_way.over_baseline(figure),
                                                             &way != &baseline);
    }
    const auto indent = static_cast<std::size_t>(label_width_ + kWayWidth + 4);
    if (!way.refusal.empty()) {
      report_.row(of_way, "", wrapped("not possible: " + way.refusal, indent), kNamed);
    } else if (!way.wrong.empty()) {
      report_.row(of_way, "  " + wrapped("FAIL " + way.wrong, 2), " ", kNamed);
    } else {
      report_.row(of_way,
                  way.untimed.empty() ? "" : "  " + wrapped("not timed: " + way.untimed, 2));
    }
  }
}

void BenchReport::failure(const BenchProblem& problem, const std::string& reason) {
  ++problems_;
  Measured none{};
  none.wrong = reason;
  const Measured baseline{};
  report_.row({problem, none, baseline}, "  " + wrapped("FAIL " + reason, 2), " ", kNamed);
}

bool BenchReport::end(Fields more) {
  const std::string right =
      std::to_string(right_) + " of " + counted(problems_, "problem") + " right";
  Fields fields = {{"problems", count_of(problems_)}, {"right", count_of(right_)}};
  std::vector<std::string> means;
  for (const auto& [kind, summary] : summaries_) {
    for (const Figure figure : figures_) {
      std::string text;
      for (const Averages::Average& average :
           summary.averages[static_cast<std::size_t>(figure)].of_all(summary.problems)) {
        fields.emplace_back(kind + "_" + average.way + "_over_planned_" + to_string(figure),
                            average.mean.value());
        text +=
            (text.empty() ? "" : ", ") + average.way + " " + fixed(average.mean.value(), 2) + "x";
      }
      if (text.empty()) continue;
      means.push_back(kind + "s, " + to_string(figure) +
                      " time over what plan() takes, geometric mean: " + text);
    }
  }
  fields.insert(fields.end(), more.begin(), more.end());
  std::vector<std::string> lines = {"", right};
  lines.insert(lines.end(), means.begin(), means.end());
  report_.end(fields, lines);
  return right_ == problems_;
}

}  // namespace foldconv::tool
