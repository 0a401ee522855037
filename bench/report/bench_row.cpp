#include "report/bench_row.hpp"

#include <algorithm>

#include "compute/selection.hpp"

namespace foldconv::tool {
namespace {

// Of the widest implementation's name.
constexpr int kLayerWidth = 7, kBlockWidth = 9, kCudnnWidth = 13;
// Times of two states of the cache leave less room.
constexpr int kLabelWidthOfTwo = 22;

double ratio_of(const Measured& measured, const Measured& baseline, Figure figure) {
  const double over = seconds_of(baseline, figure);
  return over > 0 ? seconds_of(measured, figure) / over : 0;
}

const std::optional<Timing>& timing_of(const Measured& measured, Figure figure) {
  return figure == Figure::warm ? measured.timings.warm : measured.timings.cold;
}

void append(Fields& fields, const Fields& more) {
  fields.insert(fields.end(), more.begin(), more.end());
}

Fields timing_fields(const BenchProblem& problem, const Measured& measured,
                     const Measured& baseline, Figure figure) {
  const std::string prefix = std::string(to_string(figure)) + "_";
  const std::optional<Timing>& timing = timing_of(measured, figure);
  const double seconds = seconds_of(measured, figure);
  const bool known = timing && seconds > 0;
  const auto number = [known](double value) { return value_if(known, value); };
  const Timing none;
  const Timing& one = known ? *timing : none;
  const double share = share_of(measured.floor, seconds);
  const double ratio = ratio_of(measured, baseline, figure);
  return {{prefix + "us", number(seconds * 1e6)},
          {prefix + "noise_percent", number(one.noise * 100)},
          {prefix + "uncertainty_percent", number(one.uncertainty * 100)},
          {prefix + "samples", value_if(known, static_cast<std::int64_t>(one.samples))},
          {prefix + "stopped", value_if(known, std::string(to_string(one.stopped)))},
          {prefix + "share", value_if(share > 0, share)},
          {prefix + "tflops", number(problem.work.flops / seconds * 1e-12)},
          {prefix + "gigabytes_per_second", number(measured.work.bytes / seconds * 1e-9)},
          {prefix + "over_baseline", value_if(ratio > 0, ratio)}};
}

Fields counter_fields(const Measured& measured, bool counted) {
  const Traffic total = measured.total();
  const auto counter = [counted](std::uint64_t value) {
    return value_if(counted, static_cast<std::int64_t>(value));
  };
  return {{"dram_bytes", counter(total.dram_bytes)},
          {"mma_instructions", counter(total.mma_instructions)},
          {"mma_flops", counter(total.mma_flops)},
          {"fma_flops", counter(total.fma_flops)},
          {"wavefronts_over_ideal", value_if(counted, total.wavefronts_over_ideal())}};
}

std::string ratio_text(double ratio) {
  return ratio > 0 ? fixed(ratio, 2) : "-";
}

void add_timing(const Measured& measured, const Measured& baseline, Figure figure,
                std::vector<std::string>& cells) {
  const std::optional<Timing>& timing = timing_of(measured, figure);
  const double share = share_of(measured.floor, seconds_of(measured, figure));
  if (!timing) {
    cells.insert(cells.end(), {"-", "-", "-", "-"});
    return;
  }
  cells.insert(
      cells.end(),
      {fixed(timing->seconds * 1e6, 2),
       fixed(timing->noise * 100, 1) + (timing->stopped == Stop::time_limit ? "t" : " "),
       share > 0 ? fixed(share, 2) : "-", ratio_text(ratio_of(measured, baseline, figure))});
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
  const std::optional<Timing>& timing = timing_of(measured, figure);
  return timing ? timing->seconds : 0;
}

BenchRows::BenchRows(const Options& options, const Device& device, int label_width)
    : emulated_(device.emulated),
      has_cudnn_(!wanted_of_cudnn(options).empty()),
      label_width_(label_width) {
  if (emulated_) {
    figures_ = {Figure::floor};
    return;
  }
  if (options.l2 != L2::warm) figures_.push_back(Figure::cold);
  if (options.l2 != L2::cold) figures_.push_back(Figure::warm);
  if (figures_.size() > 1) label_width_ = std::min(label_width_, kLabelWidthOfTwo);
}

int BenchRows::name_width(bool blocks) const {
  return has_cudnn_ ? kCudnnWidth : blocks ? kBlockWidth : kLayerWidth;
}

std::vector<Column> BenchRows::columns(bool blocks) const {
  const std::string ratio = blocks ? "vs plan" : "vs fused";
  std::vector<Column> columns = {
      {"problem", label_width_, true}, {"", name_width(blocks), true}, {"launches", 8, false}};
  if (emulated_) {
    columns.insert(columns.end(), {{"DRAM MB", 9, false},
                                   {"mma", 9, false},
                                   {"wavefronts/ideal", 16, false},
                                   {"floor us", 9, false},
                                   {"limit", 6, true},
                                   {ratio, 8, false}});
    return columns;
  }
  columns.push_back({"floor us", 8, false});
  for (const Figure figure : figures_) {
    columns.insert(columns.end(), {{std::string(to_string(figure)) + " us", 8, false},
                                   {"+- % ", 5, false},
                                   {"share", 5, false},
                                   {ratio, 7, false}});
  }
  return columns;
}

std::vector<std::string> BenchRows::cells(const Measured& measured,
                                          const Measured& baseline) const {
  std::vector<std::string> cells = {std::to_string(measured.launches)};
  const std::string floor =
      measured.floor.seconds > 0 ? fixed(measured.floor.seconds * 1e6, 2) : "-";
  if (emulated_) {
    const Traffic total = measured.total();
    const bool shared = total.ideal_shared_wavefronts > 0;
    cells.insert(
        cells.end(),
        {fixed(static_cast<double>(total.dram_bytes) * 1e-6, 3), grouped(total.mma_instructions),
         shared ? fixed(total.wavefronts_over_ideal(), 3) : "-", floor,
         to_string(measured.floor.limit), ratio_text(ratio_of(measured, baseline, Figure::floor))});
    return cells;
  }
  cells.push_back(floor);
  for (const Figure figure : figures_) add_timing(measured, baseline, figure, cells);
  return cells;
}

Row BenchRows::row(const BenchProblem& problem, const Measured& measured, const Measured& baseline,
                   bool blocks, bool first) const {
  const bool right = measured.right();
  const bool refused = !measured.refusal.empty();
  const bool floor_known = right && measured.floor.seconds > 0;
  const double floor_ratio = ratio_of(measured, baseline, Figure::floor);
  const std::string& reason = refused                   ? measured.refusal
                              : !measured.wrong.empty() ? measured.wrong
                                                        : measured.untimed;
  const auto known = [](double value) { return value_if(value > 0, value); };
  Row row{.fields = {{"name", problem.name},
                     {"descriptor", problem.descriptor},
                     {"kind", std::string(blocks ? "block" : "layer")},
                     {"images", static_cast<std::int64_t>(problem.images)},
                     {"implementation", measured.implementation},
                     {"kernel", measured.kernel},
                     {"planned", value_if(blocks, measured.planned)},
                     {"baseline", &measured == &baseline},
                     {"right", value_if(!refused, right)},
                     {"reason", text_or_none(reason)},
                     {"launches", value_if(!refused, static_cast<std::int64_t>(measured.launches))},
                     {"problem_bytes", known(problem.work.bytes)},
                     {"problem_flops", known(problem.work.flops)},
                     {"bytes", value_if(right, measured.work.bytes)},
                     {"flops", value_if(right, measured.work.flops)},
                     {"floor_us", value_if(floor_known, measured.floor.seconds * 1e6)},
                     {"limit", value_if(floor_known, std::string(to_string(measured.floor.limit)))},
                     {"floor_over_baseline", known(floor_ratio)}},
          .cells = {first ? clipped(problem.label, label_width_) : "",
                    measured.implementation + (measured.planned ? " *" : "")},
          .note = ""};
  append(row.fields, timing_fields(problem, measured, baseline, Figure::cold));
  append(row.fields, timing_fields(problem, measured, baseline, Figure::warm));
  append(row.fields, counter_fields(measured, right && emulated_));
  if (!measured.wrong.empty()) row.note = "  " + wrapped("FAIL " + measured.wrong, 2);
  if (!measured.untimed.empty()) row.note = "  " + wrapped("not timed: " + measured.untimed, 2);
  if (refused) {
    constexpr int kBetween = 4;  // spaces between three columns
    row.cells.push_back(
        wrapped("not possible: " + reason,
                static_cast<std::size_t>(label_width_ + name_width(true) + kBetween)));
  } else if (right) {
    for (std::string& cell : cells(measured, baseline)) row.cells.push_back(std::move(cell));
  }
  return row;
}

}  // namespace foldconv::tool
