#include "report/bench_report.hpp"

#include <algorithm>
#include <cmath>

#include "commands/commands.hpp"
#include "compute/selection.hpp"

namespace foldconv::tool {
namespace {

// Of the widest implementation's name.
constexpr int kLayerWidth = 7, kBlockWidth = 9, kCudnnWidth = 13;

// What cuDNN's rows show, or why there are none.
std::string about_cudnn(const Options& options) {
  const Result<cudnn::Session>& session = cudnn_session();
  if (!session) return "no rows of cuDNN: " + session.status().message();
  const std::size_t most = options.cudnn_engines;
  return "cudnn: cuDNN " + session->version() + ", for each graph the fastest right one of " +
         (most == 0 ? "all its engines"
                    : "the first " + std::to_string(most) + " engines it proposes");
}

Heading heading_of(const Options& options, const Device& device) {
  Heading heading{.fields = heading_fields(options, device),
                  .preamble = heading_lines(options, device),
                  .columns = {}};
  auto& lines = heading.preamble;
  if (device.emulated) {
    const GpuModel& model = choose_model(options.model, device.architecture);
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
  } else {
    lines.push_back(
        "median time of one CUDA graph, implementations taking turns, L2 flushed before each; "
        "+-: median deviation");
    lines.push_back("GB/s: operands of the fused layer or block, each once");
    if (options.implementations.empty() || !wanted_of_cudnn(options).empty()) {
      lines.push_back(wrapped(about_cudnn(options), 2));
    }
  }
  return heading;
}

// What the others are compared with: fused of a layer, the planned one of a block; null where it is
// not asked for.
const Measured* baseline_of(const std::vector<Measured>& measured) {
  auto found = std::ranges::find(measured, true, &Measured::planned);
  if (found == measured.end())
    found = std::ranges::find(measured, "fused", &Measured::implementation);
  return found == measured.end() ? nullptr : &*found;
}

}  // namespace

void GeometricMean::add(double ratio) {
  if (!(ratio > 0)) return;
  log_sum_ += std::log(ratio);
  ++count_;
}

double GeometricMean::value() const {
  return count_ == 0 ? 0 : std::exp(log_sum_ / count_);
}

BenchReport::BenchReport(const Options& options, const Device& device, int label_width,
                         Report& report)
    : options_(options), emulated_(device.emulated), label_width_(label_width), report_(report) {
  report_.begin(heading_of(options, device));
}

void BenchReport::section(const std::vector<std::string>& lines, const std::string& ratio_title) {
  std::vector<Column> columns = {
      {"problem", label_width_, true}, {"", name_width(), true}, {"launches", 8, false}};
  if (emulated_) {
    columns.insert(columns.end(), {{"DRAM MB", 9, false},
                                   {"mma", 9, false},
                                   {"wavefronts/ideal", 16, false},
                                   {"floor us", 9, false},
                                   {"limit", 6, true},
                                   {ratio_title, 8, false}});
  } else {
    columns.insert(columns.end(), {{"time us", 10, false},
                                   {"+- %", 5, false},
                                   {"TFLOP/s", 8, false},
                                   {"GB/s", 8, false},
                                   {ratio_title, 8, false}});
  }
  report_.section(lines, columns);
}

void BenchReport::begin_layers() {
  blocks_ = false;
  section({}, "vs fused");
}

void BenchReport::begin_blocks() {
  blocks_ = true;
  section({"*: the cut that plan() takes; separate: the chain's convolutions, then BatchNorm, add, "
           "activation as kernels"},
          "vs plan");
}

void BenchReport::rows(const BenchProblem& problem, const std::vector<Measured>& measured) {
  ++problems_;
  if (std::ranges::all_of(measured, [](const Measured& one) { return one.wrong.empty(); })) {
    ++right_;
  }
  const Measured* baseline = baseline_of(measured);
  bool first = true;
  for (const Measured& one : measured) {
    const bool comparable = baseline != nullptr && baseline->right() && one.right();
    const double ratio = comparable ? seconds(one) / seconds(*baseline) : 0;
    if (one.implementation == "chain")
      (blocks_ ? chain_over_planned_ : chain_over_fused_).add(ratio);
    if (one.implementation == "unfused") unfused_over_fused_.add(ratio);
    if (one.implementation == "separate") separate_over_planned_.add(ratio);
    if (one.implementation == kCudnn)
      (blocks_ ? cudnn_over_planned_ : cudnn_over_fused_).add(ratio);
    report_.row(to_row(problem, one, ratio, first));
    first = false;
  }
}

void BenchReport::failure(const BenchProblem& problem, const Status& status) {
  ++problems_;
  Measured none;
  none.wrong = status.message();
  report_.row(to_row(problem, none, 0, true));
}

int BenchReport::name_width() const {
  return !wanted_of_cudnn(options_).empty() ? kCudnnWidth : blocks_ ? kBlockWidth : kLayerWidth;
}

int BenchReport::end() {
  const std::string what = emulated_ ? "floor time" : "time";
  const std::string right =
      std::to_string(right_) + " of " + counted(problems_, "problem") + " right";
  std::vector<std::string> means;
  const auto add = [&](const std::string& baseline, const GeometricMean& chain,
                       const std::string& other_name, const GeometricMean& other) {
    if (!(chain.value() > 0 && other.value() > 0)) return;
    means.push_back(what + " over " + baseline + ", geometric mean: chain " +
                    fixed(chain.value(), 2) + "x, " + other_name + " " + fixed(other.value(), 2) +
                    "x");
  };
  add("the planned cut", chain_over_planned_, "separate", separate_over_planned_);
  add("fused", chain_over_fused_, "unfused", unfused_over_fused_);
  const auto add_cudnn = [&](const std::string& baseline, const GeometricMean& cudnn) {
    if (!(cudnn.value() > 0)) return;
    means.push_back(what + " over " + baseline + ", geometric mean: cudnn " +
                    fixed(cudnn.value(), 2) + "x");
  };
  add_cudnn("the planned cut", cudnn_over_planned_);
  add_cudnn("fused", cudnn_over_fused_);
  // The first stands behind it, others on lines of their own.
  std::vector<std::string> lines = {"", right + (means.empty() ? "" : "; " + means.front())};
  for (std::size_t i = 1; i < means.size(); ++i) lines.push_back(means[i]);
  report_.end({{"problems", static_cast<std::int64_t>(problems_)},
               {"right", static_cast<std::int64_t>(right_)},
               {"chain_over_fused", chain_over_fused_.value()},
               {"unfused_over_fused", unfused_over_fused_.value()},
               {"chain_over_planned", chain_over_planned_.value()},
               {"separate_over_planned", separate_over_planned_.value()},
               {"cudnn_over_fused", cudnn_over_fused_.value()},
               {"cudnn_over_planned", cudnn_over_planned_.value()}},
              lines);
  return right_ == problems_ ? kExitSuccess : kExitFailure;
}

double BenchReport::seconds(const Measured& measured) const {
  return emulated_ ? measured.floor.seconds : measured.timing.seconds;
}

Row BenchReport::to_row(const BenchProblem& problem, const Measured& measured, double ratio,
                        bool first) const {
  const bool right = measured.right();
  const Traffic total = measured.total();
  const auto on_emulator = [&](Value value) { return value_if(right && emulated_, value); };
  const auto on_gpu = [&](Value value) { return value_if(right && !emulated_, value); };
  const auto counter = [&](std::uint64_t value) {
    return on_emulator(static_cast<std::int64_t>(value));
  };
  const double seconds_on_gpu = measured.timing.seconds;
  const bool refused = !measured.refusal.empty();
  const std::string& reason = refused ? measured.refusal : measured.wrong;
  Row row{.fields = {{"name", problem.name},
                     {"descriptor", problem.descriptor},
                     {"implementation", measured.implementation},
                     {"kernel", measured.kernel},
                     {"planned", value_if(blocks_, measured.planned)},
                     {"right", value_if(!refused, right)},
                     {"launches", value_if(!refused, static_cast<std::int64_t>(measured.launches))},
                     {"time_us", on_gpu(seconds_on_gpu * 1e6)},
                     {"noise_percent", on_gpu(measured.timing.noise * 100)},
                     {"tflops", on_gpu(problem.flops / seconds_on_gpu * 1e-12)},
                     {"gigabytes_per_second", on_gpu(problem.bytes / seconds_on_gpu * 1e-9)},
                     {"dram_bytes", counter(total.dram_bytes)},
                     {"mma_instructions", counter(total.mma_instructions)},
                     {"mma_flops", counter(total.mma_flops)},
                     {"fma_flops", counter(total.fma_flops)},
                     {"wavefronts_over_ideal", on_emulator(total.wavefronts_over_ideal())},
                     {"floor_us", on_emulator(measured.floor.seconds * 1e6)},
                     {"limit", on_emulator(std::string(to_string(measured.floor.limit)))},
                     {"over_fused", value_if(ratio > 0 && !blocks_, ratio)},
                     {"over_planned", value_if(ratio > 0 && blocks_, ratio)},
                     {"reason", text_or_none(reason)}},
          .cells = {first ? clipped(problem.label, label_width_) : "",
                    measured.implementation + (measured.planned ? " *" : "")},
          .note = measured.wrong.empty() ? "" : "  " + wrapped("FAIL " + measured.wrong, 2)};
  if (refused) {
    constexpr int kBetween = 4;  // spaces between three columns
    row.cells.push_back(wrapped("not possible: " + reason,
                                static_cast<std::size_t>(label_width_ + name_width() + kBetween)));
  } else if (right) {
    add_figures(problem, measured, ratio, row.cells);
  }
  return row;
}

void BenchReport::add_figures(const BenchProblem& problem, const Measured& measured, double ratio,
                              std::vector<std::string>& cells) const {
  const Traffic total = measured.total();
  const std::string ratio_text = ratio > 0 ? fixed(ratio, 2) : "-";
  cells.push_back(std::to_string(measured.launches));
  if (emulated_) {
    const bool shared = total.ideal_shared_wavefronts > 0;
    cells.insert(
        cells.end(),
        {fixed(static_cast<double>(total.dram_bytes) * 1e-6, 3), grouped(total.mma_instructions),
         shared ? fixed(total.wavefronts_over_ideal(), 3) : "-",
         fixed(measured.floor.seconds * 1e6, 2), to_string(measured.floor.limit), ratio_text});
    return;
  }
  const double seconds_on_gpu = measured.timing.seconds;
  cells.insert(cells.end(), {fixed(seconds_on_gpu * 1e6, 2), fixed(measured.timing.noise * 100, 1),
                             fixed(problem.flops / seconds_on_gpu * 1e-12, 1),
                             fixed(problem.bytes / seconds_on_gpu * 1e-9, 0), ratio_text});
}

}  // namespace foldconv::tool
