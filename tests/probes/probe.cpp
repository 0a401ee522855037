#include "probe.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <thread>

#include "sm80/probes.hpp"
#include "sm90/probes.hpp"

namespace foldconv::probes {

void Result::expect(const Words& expected) {
  std::size_t differing =
      std::max(words.size(), expected.size()) - std::min(words.size(), expected.size());
  for (std::size_t i = 0; i < std::min(words.size(), expected.size()); ++i) {
    differing += words[i] != expected[i] ? 1 : 0;
  }
  mismatches = mismatches.value_or(0) + static_cast<std::uint32_t>(differing);
}

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

std::uint64_t fnv64(const Words& words) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const std::uint32_t word : words) {
    for (int shift = 0; shift < 32; shift += 8) {
      hash = (hash ^ (word >> shift & 0xff)) * 0x100000001b3u;
    }
  }
  return hash;
}

}  // namespace foldconv::probes
