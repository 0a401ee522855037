// SPDX-License-Identifier: MIT
// bench --network: a network in its ways, at each batch size.
#include <algorithm>

#include "commands/commands.hpp"
#include "commands/model.hpp"
#include "harness/error.hpp"
#include "measure/model.hpp"
#include "measure/networks.hpp"
#include "report/progress.hpp"
#include "report/text.hpp"

namespace foldconv::tool {
namespace {

using harness::value_of;

Heading network_heading(const Options& options, const harness::Device& device) {
  const bool emulated = device.emulated;
  const GpuModel& model = choose_model(options.model, device.architecture);
  const DeviceSpeed speed = value_of(device_speed());
  std::vector<std::string> lines = {
      "DRAM, floor: of the launches, by plan()'s model: of each the longest of DRAM, L2, the "
      "fullest SM's products",
      wrapped("  and shared memory, and the launch, by the rates of " +
                  (emulated ? std::string(model.title) : device.name) + ": " + speed.to_string(),
              2)};
  lines.push_back(emulated ? "planned, not run: nothing is timed on the CPU"
                           : "times: medians of runs in CUDA graphs, ways taking turns; cold: L2 "
                             "filled with other data before each run");
  lines.push_back(
      "planned: what plan() takes; chain: a fused kernel a convolution; separate: every "
      "operation by itself");
  return heading_of(options, device,
                    {{"model", value_if(emulated, std::string(model.name))},
                     {"launch_us", speed.launch_seconds * 1e6},
                     {"l2", value_if(!emulated, options.l2)}},
                    lines);
}

Fields time_fields(const std::string& name, const std::optional<harness::Timing>& timing,
                   double floor_us) {
  const bool timed = timing.has_value();
  const harness::Timing known = timing.value_or(harness::Timing());
  const int width = timed ? 9 : 0;
  return {{name + "_us", value_if(timed, known.seconds * 1e6), {name + " us", width, false, 1}},
          {name + "_noise_percent", value_if(timed, known.noise * 100)},
          {name + "_samples", value_if(timed, known.samples)},
          {name + "_share", value_if(timed, floor_us * 1e-6 / known.seconds)}};
}

Fields fields_of(const MeasuredNetwork& measured, int images, bool first, double planned_us,
                 bool emulated) {
  const bool possible = measured.plan.has_value();
  const NetworkPlanExplanation figures =
      possible ? measured.plan->explanation() : NetworkPlanExplanation();
  const double over = planned_us > 0 && possible ? figures.floor_us() / planned_us : 0;
  const auto megabytes = [](double bytes) { return fixed(bytes * 1e-6, 1); };
  Fields fields = {{"images", images, {"images", 6}, first ? std::to_string(images) : ""},
                   {"way", measured.way, {"way", 8, true}},
                   {"right", value_if(possible && !emulated, measured.wrong.empty())},
                   {"reason", text_or_none(possible ? measured.wrong : measured.refusal)},
                   {"launches", value_if(possible, figures.launches()), {"launches", 8}},
                   {"dram_bytes",
                    value_if(possible, static_cast<std::int64_t>(figures.dram_bytes())),
                    {"DRAM MB", 9},
                    megabytes(figures.dram_bytes())},
                   {"flops", value_if(possible, static_cast<std::int64_t>(figures.flops()))},
                   {"floor_us", value_if(possible, figures.floor_us()), {"floor us", 9, false, 1}},
                   {"floor_over_planned", known(over), {"vs plan", 7}},
                   {"workspace_bytes",
                    value_if(possible, figures.workspace_bytes),
                    {"workspace MB", 12},
                    megabytes(static_cast<double>(figures.workspace_bytes))}};
  for (const Fields& more : {time_fields("cold", measured.timings.cold, figures.floor_us()),
                             time_fields("warm", measured.timings.warm, figures.floor_us())}) {
    fields.insert(fields.end(), more.begin(), more.end());
  }
  return fields;
}

bool is_listed(const Options& options, const char* way) {
  return options.ways.empty() || std::ranges::count(options.ways, way) > 0;
}

void time_networks(const harness::TimingOptions& options, std::vector<MeasuredNetwork>& ways) {
  std::vector<harness::NetworkBuffersOfPlan> memory;
  std::vector<MeasuredNetwork*> timed;
  for (MeasuredNetwork& way : ways) {
    if (!way.plan || !way.wrong.empty()) continue;
    timed.push_back(&way);
    memory.emplace_back(*way.plan, std::vector<harness::Bytes>{check_images(*way.plan)});
  }
  if (timed.empty()) return;
  std::vector<harness::Launch> work;
  for (std::size_t i = 0; i < timed.size(); ++i) {
    work.push_back([&plan = *timed[i]->plan, buffers = memory[i].buffers()](cudaStream_t stream) {
      harness::check(plan.run(buffers, stream));
    });
  }
  const std::vector<harness::Timings> timings = harness::time_interleaved(work, options);
  for (std::size_t i = 0; i < timed.size(); ++i) timed[i]->timings = timings[i];
}

}  // namespace

int run_network_bench(const Options& options, const harness::Device& device, Writer& writer) {
  if (!options.ways.empty() && std::ranges::none_of(kNetworkWays, [&](const NetworkWay& way) {
        return is_listed(options, way.name);
      })) {
    throw harness::Error(ErrorCode::invalid_argument,
                         "no way of --impl is a network's; those are planned, chain, separate");
  }
  const Model model = load_model(options.network);
  const Graph& graph = model.graph;
  const DataType dtype = options.settings.dtype;
  const std::vector<int> sizes = batch_sizes_of(options);
  const harness::TimingOptions timing{.cold = options.l2 != "warm",
                                      .warm = options.l2 != "cold",
                                      .l2_bytes = device.l2_bytes,
                                      .limits = {.seconds = options.seconds}};
  std::vector<std::pair<std::string, Network>> networks;
  for (const NetworkWay& way : kNetworkWays) {
    networks.emplace_back(way.name,
                          value_of(Network::create(graph, way.options(dtype)), model.title));
  }
  writer.begin(network_heading(options, device));
  Progress progress(sizes.size());
  bool right = true;
  for (const int images : sizes) {
    progress.next(std::to_string(images) + " images");
    const NetworkPlanOptions wanted = plan_options(options, graph, images);
    std::vector<MeasuredNetwork> ways;
    for (const auto& [name, network] : networks) {
      const Result<NetworkPlan> plan = network.plan(wanted);
      MeasuredNetwork& way = ways.emplace_back(MeasuredNetwork{.way = name});
      if (plan) {
        way.plan = *plan;
      } else {
        way.refusal = plan.status().message();
      }
    }
    if (!device.emulated) {
      progress.doing("checking");
      check_networks(graph, dtype, wanted, ways);
      progress.doing("timing");
      time_networks(timing, ways);
    }
    progress.clear();
    const double planned_us = ways.front().plan ? ways.front().plan->explanation().floor_us() : 0;
    bool first = true;
    for (const MeasuredNetwork& way : ways) {
      right = right && way.plan && way.wrong.empty();
      if (!is_listed(options, way.way.c_str())) continue;
      const std::string note = !way.plan ? "  " + wrapped("not possible: " + way.refusal, 2)
                               : way.wrong.empty() ? ""
                                                   : "  " + wrapped("FAIL " + way.wrong, 2);
      writer.row(fields_of(way, images, std::exchange(first, false), planned_us, device.emulated),
                 note);
    }
  }
  writer.end({{"right", value_if(!device.emulated, right)}}, {});
  return right ? kExitSuccess : kExitFailure;
}

}  // namespace foldconv::tool
