// SPDX-License-Identifier: MIT
#include "list.hpp"

#include <chrono>
#include <cstdlib>
#include <set>
#include <thread>

#include "sm80/probes.hpp"
#include "sm90/probes.hpp"

namespace foldconv::probes {

std::vector<Probe> all_probes() {
  std::vector<Probe> probes;
  add_fragment_probes(probes);
  add_move_probes(probes);
  add_arithmetic_probes(probes);
  add_mma_rounding_probes(probes);
  add_barrier_probes(probes);
  add_tma_load_probes(probes);
  add_im2col_probes(probes);
  add_tma_store_probes(probes);
  add_wgmma_map_probes(probes);
  add_wgmma_product_probes(probes);
  add_wgmma_rounding_probes(probes);
  add_cluster_probes(probes);
  add_execution_probes(probes);
  add_encode_probes(probes);
  add_timing_probes(probes);
  add_undocumented_store_probes(probes);
  std::set<std::string> names;
  for (const Probe& probe : probes) {
    if (!names.insert(probe.name).second) throw std::logic_error("two probes " + probe.name);
  }
  return probes;
}

std::vector<Probe> self_test_probes() {
  std::vector<Probe> probes;
  const auto add = [&](const std::string& name, std::function<Result()> run) {
    probes.push_back(
        {"self_test", "self_test_" + name, Kind::exact, Needs::any_gpu, std::move(run)});
  };
  const auto fine = [] {
    Result result;
    result.words = {1};
    return result;
  };
  add("fine", fine);
  add("throws", []() -> Result { throw std::runtime_error("as it should"); });
  add("after_throws", fine);
  add("crashes", []() -> Result { std::abort(); });
  add("after_crashes", fine);
  add("hangs", []() -> Result {
    std::this_thread::sleep_for(std::chrono::hours(1));
    return {};
  });
  add("after_hangs", fine);
  return probes;
}

}  // namespace foldconv::probes
