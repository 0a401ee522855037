// SPDX-License-Identifier: MIT
#include "commands/model.hpp"

#include <cuemu.h>

#include "harness/error.hpp"
#include "report/progress.hpp"
#include "report/text.hpp"

namespace foldconv::tool {

namespace fs = std::filesystem;

fs::path find_model(const NetworkSettings& network, const std::string& name) {
  std::error_code ignored;
  if (fs::is_regular_file(name, ignored)) return name;
  const fs::path trained = fs::path(network.folder) / name;
  if (!network.folder.empty() && fs::is_regular_file(trained, ignored)) return trained;
  throw harness::Error(
      ErrorCode::invalid_argument,
      name + ": no such file, nor in " +
          (network.folder.empty() ? "--networks, which is not given" : network.folder) +
          "; bench/networks/setup.sh fetches trained networks");
}

harness::NetworkResult run_shown(const NetworkPlan& plan,
                                 const std::vector<harness::Bytes>& inputs) {
  cuemu_reset_counters();
  const Waiting waiting([launches = plan.explanation().launches()] {
    cuemu_counters counters{};
    if (cuemu_read_counters(&counters) == 0) return std::string("running");
    return "emulating: " + std::to_string(counters.launches) + " of " + std::to_string(launches) +
           " launches done";
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
