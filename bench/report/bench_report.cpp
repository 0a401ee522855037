// SPDX-License-Identifier: MIT
#include "report/bench_report.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "report/text.hpp"

namespace foldconv::tool {
namespace {

constexpr int kWayWidth = 14;  // "cudnn-separate"
// Times of two states of the cache leave less room; so do names of kernels.
constexpr int kLabelWidthOfTwo = 18, kLabelWidthOfKernels = 24;

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

// Of the planned one a mark stands behind the name.
int way_width(const std::vector<std::string>& kernels) {
  std::size_t width = 0;
  for (const std::string& kernel : kernels) width = std::max(width, kernel.size() + 2);
  return std::max(kWayWidth, static_cast<int>(width));
}

std::string line_of_means(const std::string& kind, Figure figure, const std::string& over,
                          const std::string& means) {
  return kind + "s, " + name_of(figure) + " time over " + over + ", geometric mean: " + means;
}

const char* kind_of(const harness::Problem& problem) {
  return problem.blocks ? "block" : "layer";
}

// 0: not known.
double over_baseline(const Measured& measured, const Measured& baseline, Figure figure) {
  const double over = seconds_of(baseline, figure);
  return over > 0 ? seconds_of(measured, figure) / over : 0;
}

// `least`: what any way of the problem must do, every operand once.
Fields figure_fields(const harness::Work& least, const Measured& measured, const Measured& baseline,
                     const std::vector<Figure>& figures, bool of_kernels) {
  const std::string ratio = of_kernels ? "vs first" : "vs plan";
  const auto& [way, wrong, traffic, floor, timings, untimed] = measured;
  const auto shows = [&](Figure figure) { return std::ranges::count(figures, figure) > 0; };
  const bool emulated = shows(Figure::floor), right = measured.right();
  const bool counted = emulated && right, has_floor = seconds_of(measured, Figure::floor) > 0;
  const auto counter = [emulated](const char* title, int width) {
    return Place{.title = title, .width = emulated ? width : 0, .digits = 3};
  };
  const harness::Work work = way.work();
  const std::string limit = to_string(floor.limit);
  Fields fields = {
      {"problem_bytes", known(least.bytes)},
      {"problem_flops", known(least.flops)},
      {"bytes", value_if(right, work.bytes)},
      {"flops", value_if(right, work.flops)},
      {"dram_bytes", value_if(counted, traffic.dram_bytes), counter("DRAM MB", 9),
       fixed(static_cast<double>(traffic.dram_bytes) * 1e-6, 3)},
      {"mma_instructions", value_if(counted, traffic.mma_instructions),
       counter("mma", of_kernels ? 0 : 9)},
      {"mma_flops", value_if(counted, traffic.mma_flops)},
      {"fma_flops", value_if(counted, traffic.fma_flops)},
      {"wavefronts_over_ideal", value_if(counted, traffic.wavefronts_over_ideal()),
       of_kernels ? counter("bank", 5) : counter("wavefronts/ideal", 16),
       traffic.wavefronts_over_ideal() > 0 ? fixed(traffic.wavefronts_over_ideal(), 3) : "-"},
      {"floor_us", value_if(has_floor, floor.seconds * 1e6), {"floor us", emulated ? 9 : 8}},
      {"limit",
       value_if(has_floor, limit),
       {"limit", emulated ? (of_kernels ? 6 : 9) : 0, true},
       has_floor ? limit.substr(0, limit.find(' ')) : "-"},
      {"floor_over_baseline",
       known(over_baseline(measured, baseline, Figure::floor)),
       {ratio, emulated ? 7 : 0}}};
  for (const Figure figure : {Figure::cold, Figure::warm}) {
    const harness::Timing timing = timing_of(measured, figure).value_or(harness::Timing());
    const bool timed = seconds_of(measured, figure) > 0;
    const std::string name = name_of(figure), key = name + "_";
    const auto place = [&](const std::string& title, int width) {
      return Place{.title = title, .width = shows(figure) ? width : 0};
    };
    const std::string noise =
        fixed(timing.noise * 100, 1) + (timing.stopped == harness::Stop::time_limit ? "t" : " ");
    const Fields times = {
        {key + "us", value_if(timed, timing.seconds * 1e6), place(name + " us", 8)},
        {key + "noise_percent", value_if(timed, timing.noise * 100), place("+- % ", 5),
         timed ? noise : "-"},
        {key + "uncertainty_percent", value_if(timed, timing.uncertainty * 100)},
        {key + "samples", value_if(timed, timing.samples)},
        {key + "stopped", value_if(timed, to_string(timing.stopped))},
        {key + "share", value_if(timed && has_floor, floor.seconds / timing.seconds),
         place("share", of_kernels && figures.size() > 1 ? 0 : 5)},
        {key + "tflops", value_if(timed, least.flops / timing.seconds * 1e-12)},
        {key + "gigabytes_per_second", value_if(timed, work.bytes / timing.seconds * 1e-9)},
        {key + "over_baseline", known(over_baseline(measured, baseline, figure)), place(ratio, 7)}};
    fields.insert(fields.end(), times.begin(), times.end());
  }
  return fields;
}

}  // namespace

BenchReport::BenchReport(Writer& writer, const Heading& heading, std::vector<Figure> figures,
                         int label_width, std::vector<std::string> kernels)
    : writer_(writer),
      figures_(std::move(figures)),
      kernels_(std::move(kernels)),
      label_width_(std::min({label_width, figures_.size() > 1 ? kLabelWidthOfTwo : label_width,
                             kernels_.empty() ? label_width : kLabelWidthOfKernels})) {
  writer_.begin(heading);
}

const Measured& BenchReport::baseline_of(const std::vector<Measured>& measured) const {
  static const Measured none{};
  const auto found = std::ranges::find_if(measured, [&](const Measured& one) {
    if (kernels_.empty()) return one.way.planned;
    return one.right() && std::ranges::count(kernels_, one.way.name) > 0;
  });
  return found == measured.end() ? none : *found;
}

void BenchReport::rows(const harness::Problem& problem, const std::vector<Measured>& measured) {
  ++problems_;
  const Measured& baseline = baseline_of(measured);
  // Of kernels that are compared some may refuse it, but not all.
  const bool taken = kernels_.empty() || !baseline.way.name.empty();
  if (!taken) ++untaken_;
  if (taken &&
      std::ranges::all_of(measured, [](const Measured& one) { return one.wrong.empty(); })) {
    ++right_;
  }
  if (taken) ++summaries_[kind_of(problem)].problems;
  for (const Measured& one : measured) {
    add_to_summary(problem, one, baseline);
    row(problem, least_work(problem), one, baseline, &one == &measured.front());
  }
}

void BenchReport::failure(const harness::Problem& problem, const std::string& reason) {
  ++problems_;
  row(problem, {}, {.way = {}, .wrong = reason}, {}, true);
}

void BenchReport::row(const harness::Problem& problem, const harness::Work& least,
                      const Measured& measured, const Measured& baseline, bool first) {
  const auto& [way, wrong, traffic, floor, timings, untimed] = measured;
  const bool possible = way.refusal.empty();
  Fields fields =
      problem_fields(problem, first, label_width_,
                     {{"kind", kind_of(problem)},
                      {"images", problem.input().shape.n},
                      {"way",
                       way.name,
                       {kernels_.empty() ? "way" : "kernel", way_width(kernels_), true},
                       way.name + (way.planned ? " *" : "")},
                      {"kernel", way.kernels},
                      {"planned", way.planned},
                      {"baseline", &measured == &baseline},
                      {"right", value_if(possible, measured.right())},
                      {"reason", text_or_none(!possible        ? way.refusal
                                              : !wrong.empty() ? wrong
                                                               : untimed)},
                      {"launches",
                       value_if(possible, way.launches()),
                       {"launches", !kernels_.empty() && figures_.size() > 1 ? 0 : 8}}});
  const Fields figures = figure_fields(least, measured, baseline, figures_, !kernels_.empty());
  fields.insert(fields.end(), figures.begin(), figures.end());
  if (!possible) {
    writer_.row(fields, "", "not possible: " + way.refusal);
  } else if (!wrong.empty()) {
    writer_.row(fields, "  " + wrapped("FAIL " + wrong, 2), " ");
  } else {
    writer_.row(fields, untimed.empty() ? "" : "  " + wrapped("not timed: " + untimed, 2));
  }
}

void BenchReport::add_to_summary(const harness::Problem& problem, const Measured& measured,
                                 const Measured& baseline) {
  for (const Figure figure : figures_) {
    if (!(seconds_of(baseline, figure) > 0)) continue;
    auto& means = summaries_[kind_of(problem)].means[static_cast<std::size_t>(figure)];
    const std::string over = kernels_.empty() ? "planned" : baseline.way.name;
    auto mean = std::ranges::find_if(means, [&](const Mean& one) {
      return one.way == measured.way.name && one.baseline == over;
    });
    if (mean == means.end()) {
      mean = means.insert(mean, {.way = measured.way.name, .baseline = over});
    }
    mean->compared = mean->compared || &measured != &baseline;
    if (const double ratio = over_baseline(measured, baseline, figure); ratio > 0) {
      mean->log_sum += std::log(ratio);
      ++mean->count;
    }
  }
}

bool BenchReport::end(const Fields& more) {
  Fields fields = {{"problems", problems_}, {"right", right_}};
  std::vector<std::string> lines = {
      "", std::to_string(right_) + " of " + counted(problems_, "problem") + " right"};
  if (untaken_ > 0) lines.push_back("none of the kernels takes " + counted(untaken_, "problem"));
  for (const auto& [kind, summary] : summaries_) {
    for (const Figure figure : figures_) {
      std::string text, over = "what plan() takes";
      for (const Mean& mean : summary.means[static_cast<std::size_t>(figure)]) {
        // Means over fewer problems compare what is not alike.
        if (!mean.compared || mean.count != summary.problems) continue;
        const double value = std::exp(mean.log_sum / static_cast<double>(mean.count));
        fields.emplace_back(
            kind + "_" + mean.way + "_over_" + mean.baseline + "_" + name_of(figure), value);
        if (!kernels_.empty()) over = "that of " + mean.baseline;
        text += (text.empty() ? "" : ", ") + mean.way + " " + fixed(value, 2) + "x";
      }
      if (text.empty()) continue;
      const std::string line = line_of_means(kind, figure, over, text);
      lines.push_back(kernels_.empty() ? line : wrapped(line, 2));
    }
  }
  fields.insert(fields.end(), more.begin(), more.end());
  writer_.end(fields, lines);
  return right_ == problems_;
}

}  // namespace foldconv::tool
