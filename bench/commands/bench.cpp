// SPDX-License-Identifier: MIT
// bench: ways side by side; each is checked before a figure is printed for it.
#include <algorithm>

#include "commands/commands.hpp"
#include "harness/error.hpp"
#include "measure/measure.hpp"
#include "measure/model.hpp"
#include "report/bench_report.hpp"
#include "report/progress.hpp"
#include "report/text.hpp"

namespace foldconv::tool {
namespace {

using harness::Device;
using harness::Problem;

// Listed ones; without a list all, but direct of blocks, which would take hours, and cuDNN's where
// there is none. Kernels that are compared: these, and the ways that are listed beside them.
bool is_wanted(const std::string& way, const Options& options, const Problem& problem) {
  if (std::ranges::count(options.kernels, way) > 0) return true;
  if (!options.ways.empty()) return std::ranges::count(options.ways, way) > 0;
  if (!options.kernels.empty()) return false;
  if (way == "direct") return !problem.blocks;
  return !way.starts_with("cudnn") || cudnn::installed().reason.empty();
}

std::string roof_line(const std::string& name, const Roof& roof, double unit, const char* unit_name,
                      int digits) {
  if (!roof.known()) return wrapped(name + " roof: not measured: " + roof.reason, 2);
  return name + " roof: " + fixed(roof.rate / unit, digits) + " " + unit_name +
         ", measured now: " + roof.how + " (+- " + fixed(roof.noise * 100, 1) + " %)";
}

// What cuDNN's rows show, or why there are none.
std::string about_cudnn(const Options& options) {
  const cudnn::Search& search = cudnn::installed();
  if (search.cudnn == nullptr) return wrapped("no rows of cuDNN: " + search.reason, 2);
  const std::size_t most = options.cudnn_engines;
  return "cudnn: cuDNN " + search.cudnn->version + ", for each graph the fastest right one of " +
         (most == 0 ? "all its engines"
                    : "the first " + std::to_string(most) + " engines it proposes");
}

std::vector<std::string> lines_of_gpu(const Options& options, const Roofs& roofs) {
  std::vector<std::string> lines = {
      roof_line("copy", roofs.copy, 1e9, "GB/s", 0),
      roof_line("gemm", roofs.gemm, 1e12, "TFLOP/s", 1),
      "floor: the larger of compulsory bytes / copy roof and FLOPs / gemm roof; share: floor / "
      "time;",
      "  a warm share above 1: what the L2 cache spares",
      "times: medians of runs in CUDA graphs, ways taking turns; +-: median deviation;",
      "  cold: L2 filled with other data before each run; warm: runs back to back; events around "
      "nothing: " +
          fixed(roofs.empty_span_seconds * 1e6, 2) + " us",
      "  until each median is known to " + fixed(harness::RepetitionLimits{}.uncertainty * 100, 1) +
          " %; t: the limit of " + fixed(options.seconds, 1) + " s for a problem came first"};
  const auto of_cudnn = [](const std::string& way) { return way.starts_with("cudnn"); };
  const bool usual = options.ways.empty() && options.kernels.empty();
  if (usual || std::ranges::any_of(options.ways, of_cudnn)) {
    lines.push_back(about_cudnn(options));
  }
  return lines;
}

Heading bench_heading(const Options& options, const Device& device, const Roofs& roofs) {
  const bool emulated = device.emulated;
  const GpuModel& model = choose_model(options.model, device.architecture);
  const auto& [copy, gemm, empty_span_seconds, speed] = roofs;
  std::vector<std::string> lines =
      emulated
          ? std::vector<std::string>{"EMULATED on the CPU: counts are exact, nothing is timed.",
                                     "floor: plan()'s model, no measurement: of each launch the "
                                     "longest of DRAM, L2, the",
                                     "  fullest SM's products and shared memory, and the launch, "
                                     "by the rates of",
                                     "  " + std::string(model.title) + ": " + speed.to_string()}
          : lines_of_gpu(options, roofs);
  if (options.kernels.empty()) {
    lines.push_back("*: what plan() takes, with which the others are compared");
  } else {
    if (emulated) {
      lines.push_back(
          "bank: accesses of shared memory over those that there would be without bank conflicts");
    }
    lines.push_back(
        "*: what plan() takes; vs first: times over those of the first kernel that takes the "
        "problem");
  }
  return heading_of(options, device,
                    {{"model", value_if(emulated, std::string(model.name))},
                     {"roofs", emulated ? "model" : "measured"},
                     {"copy_bytes_per_second", value_if(copy.known(), copy.rate)},
                     {"copy_noise_percent", value_if(copy.known(), copy.noise * 100)},
                     {"copy_how", text_or_none(copy.how)},
                     {"copy_reason", text_or_none(copy.reason)},
                     {"gemm_flops_per_second", value_if(gemm.known(), gemm.rate)},
                     {"gemm_noise_percent", value_if(gemm.known(), gemm.noise * 100)},
                     {"gemm_how", text_or_none(gemm.how)},
                     {"gemm_reason", text_or_none(gemm.reason)},
                     {"fp32_flops_per_second", value_if(emulated, speed.simt_flops_per_second)},
                     {"launch_us", value_if(emulated, speed.launch_seconds * 1e6)},
                     {"empty_span_us", value_if(empty_span_seconds > 0, empty_span_seconds * 1e6)},
                     {"l2", value_if(!emulated, options.l2)},
                     {"seconds_limit", value_if(!emulated, options.seconds)},
                     {"uncertainty_limit_percent",
                      value_if(!emulated, harness::RepetitionLimits{}.uncertainty * 100)}},
                    lines);
}

}  // namespace

std::vector<harness::WayMaker> all_ways(const std::function<cudnn::Search()>& search) {
  std::vector<harness::WayMaker> makers = harness::foldconv_ways();
  for (harness::WayMaker& maker : cudnn::ways(search)) makers.push_back(std::move(maker));
  return makers;
}

int run_bench(const Options& options, const Device& device, const Problems& problems,
              Writer& writer) {
  const bool emulated = device.emulated;
  Progress progress(problems.size());
  const MeasureOptions measuring{
      .timing = {.cold = options.l2 != "warm",
                 .warm = options.l2 != "cold",
                 .l2_bytes = device.l2_bytes,
                 .limits = {.seconds = options.seconds}},
      .roofs = emulated
                   ? roofs_of(harness::value_of(device_speed()),
                              std::string(choose_model(options.model, device.architecture).title))
                   : measure_roofs(),
      .emulated = emulated,
      .doing = [&progress](const std::string& what) { progress.doing(what); }};
  std::vector<Figure> figures;
  if (emulated) figures.push_back(Figure::floor);
  if (!emulated && measuring.timing.cold) figures.push_back(Figure::cold);
  if (!emulated && measuring.timing.warm) figures.push_back(Figure::warm);
  std::vector<harness::WayMaker> makers = all_ways([&] {
    cudnn::Search search = cudnn::installed();
    search.engines = options.cudnn_engines;
    search.l2_bytes = device.l2_bytes;
    return search;
  });
  if (!options.kernels.empty()) {
    makers.insert(makers.begin(), harness::pinned_ways(options.kernels));
  }

  BenchReport report(writer, bench_heading(options, device, measuring.roofs), figures,
                     label_width(problems), options.kernels);
  for (Problem problem : problems) {
    progress.next(problem.label);
    try {
      fill(problem, options.data);
      harness::Tensors tensors(problem);
      measuring.doing("planning");
      std::vector<harness::Way> ways =
          make_ways(makers, problem, tensors,
                    [&](const std::string& way) { return is_wanted(way, options, problem); });
      if (ways.empty()) {
        // Listed, and of the other kind.
        ways.push_back({.name = options.ways.front(),
                        .refusal = "a layer is no residual block; its ways are planned, separate, "
                                   "direct, cudnn, cudnn-separate"});
      }
      const std::vector<Measured> measured = measure(std::move(ways), measuring);
      progress.clear();
      report.rows(problem, measured);
    } catch (const harness::Error& error) {
      progress.clear();
      report.failure(problem, error.what());
    }
  }
  Fields more;
  if (!emulated) {
    // Whether the device kept its clocks; compare with the heading's.
    more.emplace_back("sm_clock_mhz", known(harness::current_machine(emulated).sm_clock_mhz));
  }
  return report.end(more) ? kExitSuccess : kExitFailure;
}

}  // namespace foldconv::tool
