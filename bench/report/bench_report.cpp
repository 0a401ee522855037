// SPDX-License-Identifier: MIT
#include "report/bench_report.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace foldconv::tool {
namespace {

constexpr int kWayWidth = 14;  // "cudnn-separate"
// Times of two states of the cache leave less room.
constexpr int kLabelWidthOfTwo = 18;
// Columns in the table before those of figures.
constexpr std::size_t kNamed = 2;

constexpr const char* kFigureNames[] = {"floor", "cold", "warm"};

std::string name_of(Figure figure) {
  return kFigureNames[static_cast<std::size_t>(figure)];
}

const std::optional<harness::Timing>& timing_of(const Measured& measured, Figure figure) {
  return figure == Figure::warm ? measured.timings.warm : measured.timings.cold;
}

// 0: not known, or of a wrong result.
double seconds_of(const Measured& measured, Figure figure) {
  if (!measured.right()) return 0;
  if (figure == Figure::floor) return measured.floor.seconds;
  const std::optional<harness::Timing>& timing = timing_of(measured, figure);
  return timing ? timing->seconds : 0;
}

Value known(double value) {
  return value_if(value > 0, value);
}

const char* kind_of(const harness::Problem& problem) {
  return problem.blocks ? "block" : "layer";
}

// What the others are compared with; where it is not asked for, one of which nothing is known.
const Measured& baseline_of(const std::vector<Measured>& measured) {
  static const Measured none{};
  const auto found =
      std::ranges::find_if(measured, [](const Measured& one) { return one.way.planned; });
  return found == measured.end() ? none : *found;
}

}  // namespace

// A way beside the one that it is compared with, what plan() takes.
struct BenchRow {
  const harness::Problem& problem;
  const Measured& measured;
  const Measured& baseline;
  bool first = true;        // of its problem
  harness::Work work = {};  // that any way must do: every operand once

  const harness::Way& way() const { return measured.way; }
  double seconds(Figure figure) const { return seconds_of(measured, figure); }
  // 0: not known.
  double over_baseline(Figure figure) const {
    const double over = seconds_of(baseline, figure);
    return over > 0 ? seconds(figure) / over : 0;
  }
};

namespace {

using Columns = std::vector<Column<BenchRow>>;

Place shown_if(bool shown, Place place) {
  if (!shown) place.width = 0;
  return place;
}

Columns columns_of_ways() {
  return {
      {"kind", [](const BenchRow& row) { return kind_of(row.problem); }},
      {"images", [](const BenchRow& row) { return row.problem.input().shape.n; }},
      {"way",
       [](const BenchRow& row) { return row.way().name; },
       {"way", kWayWidth, true},
       [](const BenchRow& row) { return row.way().name + (row.way().planned ? " *" : ""); }},
      {"kernel", [](const BenchRow& row) { return row.way().kernels; }},
      {"planned", [](const BenchRow& row) { return row.way().planned; }},
      {"baseline", [](const BenchRow& row) { return &row.measured == &row.baseline; }},
      {"right",
       [](const BenchRow& row) {
         return value_if(row.way().refusal.empty(), row.measured.right());
       }},
      {"reason",
       [](const BenchRow& row) {
         const Measured& one = row.measured;
         return text_or_none(!one.way.refusal.empty() ? one.way.refusal
                             : !one.wrong.empty()     ? one.wrong
                                                      : one.untimed);
       }},
      {"launches",
       [](const BenchRow& row) {
         return value_if(row.way().refusal.empty(), row.way().launches());
       },
       {"launches", 8}},
      {"problem_bytes", [](const BenchRow& row) { return known(row.work.bytes); }},
      {"problem_flops", [](const BenchRow& row) { return known(row.work.flops); }},
      {"bytes",
       [](const BenchRow& row) { return value_if(row.measured.right(), row.way().work().bytes); }},
      {"flops",
       [](const BenchRow& row) { return value_if(row.measured.right(), row.way().work().flops); }}};
}

// Counters of a wrong result say nothing.
Columns columns_of_counters(bool emulated) {
  const auto counter = [emulated](auto get) {
    return [emulated, get](const BenchRow& row) {
      return value_if(emulated && row.measured.right(), std::invoke(get, row.measured.traffic));
    };
  };
  return {{"dram_bytes", counter(&Traffic::dram_bytes), shown_if(emulated, {"DRAM MB", 9}),
           [](const BenchRow& row) {
             return fixed(static_cast<double>(row.measured.traffic.dram_bytes) * 1e-6, 3);
           }},
          {"mma_instructions", counter(&Traffic::mma_instructions), shown_if(emulated, {"mma", 9})},
          {"mma_flops", counter(&Traffic::mma_flops)},
          {"fma_flops", counter(&Traffic::fma_flops)},
          {"wavefronts_over_ideal", counter(&Traffic::wavefronts_over_ideal),
           shown_if(emulated, {"wavefronts/ideal", 16}), [](const BenchRow& row) {
             return cell_of(known(row.measured.traffic.wavefronts_over_ideal()), {.digits = 3});
           }}};
}

Columns columns_of_floor(bool emulated) {
  return {{"floor_us",
           [](const BenchRow& row) { return known(row.seconds(Figure::floor) * 1e6); },
           {"floor us", emulated ? 9 : 8}},
          {"limit",
           [](const BenchRow& row) {
             return value_if(row.seconds(Figure::floor) > 0, to_string(row.measured.floor.limit));
           },
           shown_if(emulated, {"limit", 6, true})},
          {"floor_over_baseline",
           [](const BenchRow& row) { return known(row.over_baseline(Figure::floor)); },
           shown_if(emulated, {"vs plan", 8})}};
}

// Times in one state of the cache; `shown` in the table.
Columns columns_of_times(Figure figure, bool shown) {
  using harness::Timing;
  Columns columns;
  const auto add = [&](const char* key, auto get, Place place = {},
                       Column<BenchRow>::ToCell cell = {}) {
    columns.push_back({name_of(figure) + "_" + key,
                       [figure, get](const BenchRow& row) {
                         if (!(row.seconds(figure) > 0)) return Value();
                         return to_value(get(row, *timing_of(row.measured, figure)));
                       },
                       shown_if(shown, place), std::move(cell)});
  };
  add("us", [](const BenchRow&, const Timing& timing) { return timing.seconds * 1e6; },
      {name_of(figure) + " us", 8});
  add(
      "noise_percent", [](const BenchRow&, const Timing& timing) { return timing.noise * 100; },
      {"+- % ", 5},
      [figure](const BenchRow& row) -> std::string {
        const std::optional<Timing>& timing = timing_of(row.measured, figure);
        if (!timing) return "-";
        return fixed(timing->noise * 100, 1) +
               (timing->stopped == harness::Stop::time_limit ? "t" : " ");
      });
  add("uncertainty_percent",
      [](const BenchRow&, const Timing& timing) { return timing.uncertainty * 100; });
  add("samples", [](const BenchRow&, const Timing& timing) { return timing.samples; });
  add("stopped", [](const BenchRow&, const Timing& timing) { return to_string(timing.stopped); });
  add("share",
      [](const BenchRow& row, const Timing& timing) {
        return known(share_of(row.measured.floor, timing.seconds));
      },
      {"share", 5});
  add("tflops", [](const BenchRow& row, const Timing& timing) {
    return row.work.flops / timing.seconds * 1e-12;
  });
  add("gigabytes_per_second", [](const BenchRow& row, const Timing& timing) {
    return row.way().work().bytes / timing.seconds * 1e-9;
  });
  add("over_baseline",
      [figure](const BenchRow& row, const Timing&) { return known(row.over_baseline(figure)); },
      {"vs plan", 7});
  return columns;
}

Columns columns_of(const std::vector<Figure>& figures, int label_width) {
  const auto shows = [&](Figure figure) { return std::ranges::count(figures, figure) > 0; };
  const bool emulated = shows(Figure::floor);
  Columns all = problem_columns<BenchRow>(label_width);
  for (const Columns& some :
       {columns_of_ways(), columns_of_counters(emulated), columns_of_floor(emulated),
        columns_of_times(Figure::cold, shows(Figure::cold)),
        columns_of_times(Figure::warm, shows(Figure::warm))}) {
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

}  // namespace

BenchReport::BenchReport(Writer& writer, const Heading& heading, std::vector<Figure> figures,
                         int label_width)
    : figures_(std::move(figures)),
      label_width_(figures_.size() > 1 ? std::min(label_width, kLabelWidthOfTwo) : label_width),
      report_(writer, heading, columns_of(figures_, label_width_)) {}

void BenchReport::rows(const harness::Problem& problem, const std::vector<Measured>& measured) {
  ++problems_;
  if (std::ranges::all_of(measured, [](const Measured& one) { return one.wrong.empty(); })) {
    ++right_;
  }
  ++summaries_[kind_of(problem)].problems;
  const Measured& baseline = baseline_of(measured);
  for (const Measured& one : measured) {
    const BenchRow row{problem, one, baseline, &one == &measured.front(), least_work(problem)};
    add_to_summary(row);
    const auto indent = static_cast<std::size_t>(label_width_ + kWayWidth + 4);
    if (!one.way.refusal.empty()) {
      report_.row(row, "", wrapped("not possible: " + one.way.refusal, indent), kNamed);
    } else if (!one.wrong.empty()) {
      report_.row(row, "  " + wrapped("FAIL " + one.wrong, 2), " ", kNamed);
    } else {
      report_.row(row, one.untimed.empty() ? "" : "  " + wrapped("not timed: " + one.untimed, 2));
    }
  }
}

void BenchReport::failure(const harness::Problem& problem, const std::string& reason) {
  ++problems_;
  const Measured none{.way = {}, .wrong = reason}, baseline{};
  report_.row({problem, none, baseline}, "  " + wrapped("FAIL " + reason, 2), " ", kNamed);
}

void BenchReport::add_to_summary(const BenchRow& row) {
  for (const Figure figure : figures_) {
    if (!(seconds_of(row.baseline, figure) > 0)) continue;
    auto& means = summaries_[kind_of(row.problem)].means[static_cast<std::size_t>(figure)];
    auto mean = std::ranges::find(means, row.way().name, &Mean::way);
    if (mean == means.end()) mean = means.insert(mean, {.way = row.way().name});
    mean->compared = mean->compared || &row.measured != &row.baseline;
    if (const double ratio = row.over_baseline(figure); ratio > 0) {
      mean->log_sum += std::log(ratio);
      ++mean->count;
    }
  }
}

bool BenchReport::end(const Fields& more) {
  Fields fields = {{"problems", to_value(problems_)}, {"right", to_value(right_)}};
  std::vector<std::string> lines = {
      "", std::to_string(right_) + " of " + counted(problems_, "problem") + " right"};
  for (const auto& [kind, summary] : summaries_) {
    for (const Figure figure : figures_) {
      std::string text;
      for (const Mean& mean : summary.means[static_cast<std::size_t>(figure)]) {
        // Means over fewer problems compare what is not alike.
        if (!mean.compared || mean.count != summary.problems) continue;
        const double value = std::exp(mean.log_sum / static_cast<double>(mean.count));
        fields.emplace_back(kind + "_" + mean.way + "_over_planned_" + name_of(figure), value);
        text += (text.empty() ? "" : ", ") + mean.way + " " + fixed(value, 2) + "x";
      }
      if (text.empty()) continue;
      lines.push_back(kind + "s, " + name_of(figure) +
                      " time over what plan() takes, geometric mean: " + text);
    }
  }
  fields.insert(fields.end(), more.begin(), more.end());
  report_.end(fields, lines);
  return right_ == problems_;
}

}  // namespace foldconv::tool
