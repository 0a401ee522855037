// bench: fused, chain and unfused side by side; each is checked before a figure is printed for it.
#include <algorithm>
#include <cmath>

#include "commands.hpp"
#include "measure.hpp"

namespace foldconv::tool {
namespace {

// Bytes that any implementation must move: every operand once.
double required_bytes(const ConvProblem& problem) {
  const auto elements = [](const Shape& shape) { return static_cast<double>(shape.elements()); };
  const double weights =
      static_cast<double>(problem.k) * problem.r * problem.s * problem.c / problem.groups;
  const double outputs = elements(problem.output()) * (problem.residual ? 2 : 1);
  const double scale_and_bias = 2.0 * sizeof(float) * problem.k;
  return (elements(problem.input()) + weights + outputs) *
             static_cast<double>(size_of(problem.dtype)) +
         scale_and_bias;
}

// A geometric mean over problems.
class GeometricMean {
 public:
  void add(double ratio) {
    if (!(ratio > 0)) return;
    log_sum_ += std::log(ratio);
    ++count_;
  }
  double value() const { return count_ == 0 ? 0 : std::exp(log_sum_ / count_); }

 private:
  double log_sum_ = 0;
  int count_ = 0;
};

class BenchReport {
 public:
  BenchReport(const Options& options, const Device& device, int width, Report& report)
      : options_(options), emulated_(device.emulated), width_(width), report_(report) {}

  void begin(const Device& device) {
    Heading heading{.fields = heading_fields(options_, device),
                    .preamble = heading_lines(options_, device),
                    .columns = {{"problem", width_, true}, {"", 7, true}, {"launches", 8, false}}};
    auto& lines = heading.preamble;
    auto& columns = heading.columns;
    if (emulated_) {
      const GpuModel& model = choose_model(options_.model, device.architecture);
      heading.fields.insert(heading.fields.end(),
                            {{"model", std::string(model.name)},
                             {"model_bytes_per_second", model.bytes_per_second},
                             {"model_tensor_flops_per_second", model.tensor_flops_per_second},
                             {"model_fp32_flops_per_second", model.fp32_flops_per_second}});
      lines.insert(
          lines.end(),
          {"EMULATED on the CPU: counts are exact, nothing is timed.",
           std::string("floor: a model, no measurement: bytes and operations of each launch at the "
                       "rates of ") +
               model.title + ":",
           "  " + model.figures() +
               "; the largest time counts; L2 cold, launch latency not included"});
      columns.insert(columns.end(), {{"DRAM MB", 9, false},
                                     {"mma", 9, false},
                                     {"wavefronts/ideal", 16, false},
                                     {"floor us", 9, false},
                                     {"limit", 6, true},
                                     {"vs fused", 8, false}});
    } else {
      lines.push_back(
          "median time of one CUDA graph, implementations taking turns, L2 flushed before each; "
          "+-: median deviation");
      lines.push_back("GB/s: operands of the fused layer, each once");
      columns.insert(columns.end(), {{"time us", 10, false},
                                     {"+- %", 5, false},
                                     {"TFLOP/s", 8, false},
                                     {"GB/s", 8, false},
                                     {"vs fused", 8, false}});
    }
    report_.begin(heading);
  }

  void rows(const Descriptor& descriptor, const ConvProblem& problem,
            const std::vector<Measured>& measured) {
    const double fused_seconds = seconds(measured.front());
    const bool fused_right = measured.front().wrong.empty();
    bool first = true;
    for (const Measured& one : measured) {
      const bool right = one.wrong.empty();
      const double ratio = right && fused_right ? seconds(one) / fused_seconds : 0;
      if (one.implementation == "chain") chain_.add(ratio);
      if (one.implementation == "unfused") unfused_.add(ratio);
      report_.row(to_row(descriptor, problem, one, ratio, first));
      first = false;
    }
  }

  void failure(const Descriptor& descriptor, const ConvProblem& problem, const Status& status) {
    Measured none;
    none.wrong = status.message();
    report_.row(to_row(descriptor, problem, none, 0, true));
  }

  void end(std::size_t problems, std::size_t right) {
    const std::string what = emulated_ ? "floor time" : "time";
    std::string line = std::to_string(right) + " of " + counted(problems, "problem") + " right";
    if (chain_.value() > 0 && unfused_.value() > 0) {
      line += "; " + what + " over fused, geometric mean: chain " + fixed(chain_.value(), 2) +
              "x, unfused " + fixed(unfused_.value(), 2) + "x";
    }
    report_.end({{"problems", static_cast<std::int64_t>(problems)},
                 {"right", static_cast<std::int64_t>(right)},
                 {"chain_over_fused", chain_.value()},
                 {"unfused_over_fused", unfused_.value()}},
                {"", line});
  }

 private:
  double seconds(const Measured& measured) const {
    return emulated_ ? measured.floor.seconds : measured.timing.seconds;
  }

  Row to_row(const Descriptor& descriptor, const ConvProblem& problem, const Measured& measured,
             double ratio, bool first) const {
    const bool right = measured.wrong.empty();
    const Traffic total = measured.total();
    const auto if_right = [right](bool applies, Value value) {
      return right && applies ? value : Value();
    };
    const auto counter = [&](std::uint64_t value) {
      return if_right(emulated_, static_cast<std::int64_t>(value));
    };
    const double tflops = problem.flops() / measured.timing.seconds * 1e-12;
    const double gigabytes = required_bytes(problem) / measured.timing.seconds * 1e-9;
    Row row{
        .fields = {{"name", descriptor.name},
                   {"descriptor", to_descriptor(problem)},
                   {"implementation", measured.implementation},
                   {"kernel", measured.kernel},
                   {"right", right},
                   {"launches", static_cast<std::int64_t>(measured.launches)},
                   {"time_us", if_right(!emulated_, measured.timing.seconds * 1e6)},
                   {"noise_percent", if_right(!emulated_, measured.timing.noise * 100)},
                   {"tflops", if_right(!emulated_, tflops)},
                   {"gigabytes_per_second", if_right(!emulated_, gigabytes)},
                   {"dram_bytes", counter(total.dram_bytes)},
                   {"mma_instructions", counter(total.mma_instructions)},
                   {"mma_flops", counter(total.mma_flops)},
                   {"fma_flops", counter(total.fma_flops)},
                   {"wavefronts_over_ideal", if_right(emulated_, total.wavefronts_over_ideal())},
                   {"floor_us", if_right(emulated_, measured.floor.seconds * 1e6)},
                   {"limit", if_right(emulated_, std::string(to_string(measured.floor.limit)))},
                   {"over_fused", if_right(ratio > 0, ratio)},
                   {"reason", right ? Value() : Value(measured.wrong)}},
        .cells = {first ? clipped(label(descriptor), width_) : "", measured.implementation},
        .note = right ? "" : "  " + wrapped("FAIL " + measured.wrong, 2)};
    if (!right) return row;
    const std::string over_fused = ratio > 0 ? fixed(ratio, 2) : "-";
    row.cells.push_back(std::to_string(measured.launches));
    if (emulated_) {
      const bool shared = total.ideal_shared_wavefronts > 0;
      row.cells.insert(
          row.cells.end(),
          {fixed(static_cast<double>(total.dram_bytes) * 1e-6, 3), grouped(total.mma_instructions),
           shared ? fixed(total.wavefronts_over_ideal(), 3) : "-",
           fixed(measured.floor.seconds * 1e6, 2), to_string(measured.floor.limit), over_fused});
    } else {
      row.cells.insert(row.cells.end(), {fixed(measured.timing.seconds * 1e6, 2),
                                         fixed(measured.timing.noise * 100, 1), fixed(tflops, 1),
                                         fixed(gigabytes, 0), over_fused});
    }
    return row;
  }

  const Options& options_;
  bool emulated_;
  int width_;
  Report& report_;
  GeometricMean chain_, unfused_;
};

}  // namespace

int run_bench(const Options& options, const Device& device, const ProblemList& list,
              Report& report) {
  const std::vector<Descriptor>& problems = list.problems;
  BenchReport bench_report(options, device, label_width(list), report);
  bench_report.begin(device);
  std::size_t right = 0;
  Progress progress(problems.size());
  for (const Descriptor& descriptor : problems) {
    progress.next(label(descriptor));
    const ConvProblem problem = apply(options, descriptor.problem);
    Result<std::vector<Measured>> measured = measure(problem, options, device, progress);
    progress.clear();
    if (!measured) {
      bench_report.failure(descriptor, problem, with_fault(measured.status()));
      continue;
    }
    if (std::ranges::all_of(*measured, [](const Measured& one) { return one.wrong.empty(); })) {
      ++right;
    }
    bench_report.rows(descriptor, problem, *measured);
  }
  bench_report.end(problems.size(), right);
  return right == problems.size() ? kExitSuccess : kExitFailure;
}

}  // namespace foldconv::tool
