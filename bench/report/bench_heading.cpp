#include "report/bench_heading.hpp"

#include "commands/commands.hpp"
#include "compute/selection.hpp"
#include "measure/repetition.hpp"

namespace foldconv::tool {
namespace {

const char* to_string(L2 l2) {
  switch (l2) {
    case L2::cold:
      return "cold";
    case L2::warm:
      return "warm";
    case L2::both:
      return "both";
  }
  return "unknown";
}

void add_roof(const std::string& prefix, const char* unit, const Roof& roof, Fields& fields) {
  fields.insert(fields.end(),
                {{prefix + unit, value_if(roof.known(), roof.rate)},
                 {prefix + "_noise_percent", value_if(roof.known(), roof.noise * 100)},
                 {prefix + "_how", text_or_none(roof.how)},
                 {prefix + "_reason", text_or_none(roof.reason)}});
}

std::string roof_line(const char* name, const Roof& roof, double unit, const char* unit_name,
                      int digits) {
  if (!roof.known()) return wrapped(std::string(name) + " roof: not measured: " + roof.reason, 2);
  return std::string(name) + " roof: " + fixed(roof.rate / unit, digits) + " " + unit_name +
         ", measured now: " + roof.how + " (+- " + fixed(roof.noise * 100, 1) + " %)";
}

std::vector<std::string> measured_lines(const Options& options, const Roofs& roofs) {
  const RepetitionLimits limits;
  std::vector<std::string> lines = {
      roof_line("copy", roofs.copy, 1e9, "GB/s", 0),
      roof_line("gemm", roofs.gemm, 1e12, "TFLOP/s", 1),
      "floor: the larger of compulsory bytes / copy roof and FLOPs / gemm roof; share: floor / "
      "time;",
      "  a warm share above 1: what the L2 cache spares"};
  lines.push_back(
      "times: medians of runs in CUDA graphs, implementations taking turns; +-: median "
      "deviation;");
  lines.push_back(
      "  cold: L2 overwritten before each run; warm: runs back to back; events around "
      "nothing: " +
      fixed(roofs.empty_span_seconds * 1e6, 2) + " us");
  lines.push_back("  until each median is known to " + fixed(limits.uncertainty * 100, 1) +
                  " %; t: the limit of " + fixed(options.seconds, 1) +
                  " s for a problem came first");
  return lines;
}

// What cuDNN's rows show, or why there are none.
std::string about_cudnn(const Options& options) {
  const Result<cudnn::Session>& session = cudnn_session();
  if (!session) return wrapped("no rows of cuDNN: " + session.status().message(), 2);
  const std::size_t most = options.cudnn_engines;
  return "cudnn: cuDNN " + session->version() + ", for each graph the fastest right one of " +
         (most == 0 ? "all its engines"
                    : "the first " + std::to_string(most) + " engines it proposes");
}

}  // namespace

Heading bench_heading(const Options& options, const Device& device, const Roofs& roofs) {
  Heading heading{.fields = heading_fields(options, device),
                  .preamble = heading_lines(options, device),
                  .columns = {}};
  const bool emulated = device.emulated;
  const GpuModel& model = choose_model(options.model, device.architecture);
  Fields& fields = heading.fields;
  fields.insert(fields.end(), {{"model", value_if(emulated, std::string(model.name))},
                               {"roofs", std::string(roofs.measured ? "measured" : "model")}});
  add_roof("copy", "_bytes_per_second", roofs.copy, fields);
  add_roof("gemm", "_flops_per_second", roofs.gemm, fields);
  fields.insert(
      fields.end(),
      {{"fp32_flops_per_second", value_if(emulated, model.fp32_flops_per_second)},
       {"empty_span_us", value_if(roofs.empty_span_seconds > 0, roofs.empty_span_seconds * 1e6)},
       {"l2", value_if(!emulated, std::string(to_string(options.l2)))},
       {"seconds_limit", value_if(!emulated, options.seconds)},
       {"uncertainty_limit_percent", value_if(!emulated, RepetitionLimits{}.uncertainty * 100)}});
  std::vector<std::string>& lines = heading.preamble;
  if (emulated) {
    lines.insert(
        lines.end(),
        {"EMULATED on the CPU: counts are exact, nothing is timed.",
         std::string("floor: a model, no measurement: bytes and operations of each launch at the "
                     "rates of ") +
             model.title + ":",
         "  " + model.figures() +
             "; the largest time counts; L2 cold, launch latency not included"});
  } else {
    for (std::string& line : measured_lines(options, roofs)) lines.push_back(std::move(line));
    if (options.implementations.empty() || !wanted_of_cudnn(options).empty()) {
      lines.push_back(about_cudnn(options));
    }
  }
  return heading;
}

}  // namespace foldconv::tool
