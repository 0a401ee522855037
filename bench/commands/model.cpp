// SPDX-License-Identifier: MIT
#include "commands/model.hpp"

#include <cuemu.h>

#include <algorithm>

#include "harness/error.hpp"
#include "harness/network/known/known.hpp"
#include "harness/network/model_file.hpp"
#include "harness/words.hpp"
#include "report/progress.hpp"
#include "report/text.hpp"

namespace foldconv::tool {

namespace fs = std::filesystem;

namespace {

std::vector<std::string> models_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    const fs::path file = entry.path().filename();
    if (file.extension() == ".onnx" || file.extension() == ".safetensors") names.push_back(file);
  }
  std::ranges::sort(names);
  return names;
}

}  // namespace

fs::path find_model(const NetworkSettings& network, const std::string& name) {
  std::error_code ignored;
  if (fs::is_regular_file(name, ignored)) return name;
  fs::path trained = fs::path(network.folder) / name;
  if (!network.folder.empty() && fs::is_regular_file(trained, ignored)) return trained;
  if (fs::exists(name, ignored)) return name;  // a folder: who reads it says so
  std::vector<std::string> known = models_in(network.folder);
  std::ranges::copy(harness::names_of_known_networks(), std::back_inserter(known));
  throw harness::Error(
      ErrorCode::invalid_argument,
      name + ": no such file, nor in " +
          (network.folder.empty() ? "--networks, which is not given" : network.folder) +
          "; bench/networks/setup.sh fetches trained networks" +
          harness::did_you_mean(name, known));
}

Model load_model(const NetworkSettings& network) {
  std::error_code ignored;
  const harness::KnownNetwork* known = harness::find_known_network(network.model);
  if (known != nullptr && !fs::is_regular_file(network.model, ignored)) {
    if (!network.outputs.empty()) {
      throw harness::Error(ErrorCode::invalid_argument,
                           "--outputs cuts the file of a network; " + network.model + " is none");
    }
    return {network.model, known->make(), false};
  }
  const fs::path file = find_model(network, network.model);
  return {file.string(), harness::read_model(file, network.outputs)};
}

NetworkPlanOptions plan_options(const Options& options, const Graph& graph, int images) {
  NetworkPlanOptions plan = harness::image_options(graph, images, options.network.size);
  plan.instructions = options.settings.instructions;
  return plan;
}

harness::NetworkResult run_shown(const NetworkPlan& plan,
                                 const std::vector<harness::Bytes>& inputs) {
  cuemu_reset_counters();
  const Waiting waiting([launches =
                             static_cast<std::size_t>(plan.explanation().launches())]() -> Doing {
    cuemu_counters counters{};
    if (cuemu_read_counters(&counters) == 0) return {"running"};
    const auto done = static_cast<std::size_t>(counters.launches);
    return {
        "emulating: " + std::to_string(done) + " of " + std::to_string(launches) + " launches done",
        done, launches};
  });
  return harness::run_network(plan, inputs);
}

harness::Timings time_on_gpu(const NetworkPlan& plan, const std::vector<harness::Bytes>& inputs,
                             const harness::TimingOptions& options) {
  const harness::NetworkBuffersOfPlan memory(plan, inputs);
  const harness::Launch launch = [&](cudaStream_t stream) {
    harness::check(plan.run(memory.buffers(), stream));
  };
  return harness::time_interleaved({launch}, options).front();
}

std::string plan_text(const NetworkPlan& plan) {
  const NetworkPlanExplanation& explanation = plan.explanation();
  const auto megabytes = [](double bytes) { return fixed(bytes * 1e-6, 1) + " MB"; };
  return std::to_string(explanation.launches()) + " launches" + ", DRAM " +
         megabytes(explanation.dram_bytes()) + ", workspace " +
         megabytes(static_cast<double>(plan.workspace_bytes()));
}

}  // namespace foldconv::tool
