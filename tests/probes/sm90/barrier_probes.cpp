// SPDX-License-Identifier: MIT
// mbarrier. Scripts: three words for each command, the result and the 64 opaque bits of the barrier
// after it.
#include "probe/device.hpp"
#include "sm90/kernels.hpp"
#include "sm90/probes.hpp"

namespace foldconv::probes {
namespace {

using Step = BarrierStep;

// A command, and its result where the PTX ISA says what it is.
struct Line {
  Step step;
  std::uint32_t value;
  std::optional<std::uint32_t> expected;
};

Result run_script(const std::vector<Line>& script) {
  std::vector<BarrierCommand> commands;
  for (const Line& line : script) commands.push_back({line.step, line.value});
  const DeviceArray<BarrierCommand> device_commands(commands);
  const DeviceArray<std::uint32_t> source(Words{0x1234, 2, 3, 4}), out(3 * commands.size());
  check_launch(launch_barrier_script(device_commands.get(), static_cast<int>(commands.size()),
                                     source.get(), out.get()),
               "mbarrier script");
  Result result;
  result.words = out.download();
  std::uint32_t mismatches = 0;
  for (std::size_t i = 0; i < script.size(); ++i) {
    const auto& expected = script[i].expected;
    mismatches += expected && *expected != result.words[3 * i] ? 1 : 0;
  }
  result.mismatches = mismatches;
  return result;
}

// test_wait.parity P is true when the phase of that parity is complete: at first, parity 1 is ("the
// one before").
const std::vector<std::pair<std::string, std::vector<Line>>>& scripts() {
  static const std::vector<std::pair<std::string, std::vector<Line>>> list = {
      {"phases",
       {{Step::init, 3, {}},
        {Step::test_parity, 0, 0},
        {Step::test_parity, 1, 1},
        {Step::arrive, 1, 3},
        {Step::test_state, 0, 0},
        {Step::arrive, 1, 2},
        {Step::test_parity, 0, 0},
        {Step::arrive, 1, 1},
        {Step::test_state, 0, 1},
        {Step::test_parity, 0, 1},
        {Step::test_parity, 1, 0},
        {Step::arrive, 3, 3},
        {Step::test_parity, 0, 0},
        {Step::test_parity, 1, 1},
        {Step::arrive, 2, 3},
        {Step::try_parity, 0, 0},
        {Step::try_parity, 1, 1},
        {Step::arrive, 1, 1},
        {Step::try_parity, 0, 1}}},
      {"drop",
       {{Step::init, 4, {}},
        {Step::arrive_drop, 1, 4},
        {Step::arrive, 3, 3},
        {Step::test_parity, 0, 1},
        {Step::arrive, 1, 3},  // the next phase expects one less
        {Step::arrive, 2, 2},
        {Step::test_parity, 1, 1},
        {Step::arrive_drop, 2, 3},
        {Step::arrive, 1, 1},
        {Step::test_parity, 0, 1},
        {Step::arrive, 1, 1},
        {Step::test_parity, 1, 1}}},
      {"no_complete",
       {{Step::init, 3, {}},
        {Step::arrive_no_complete, 2, 3},
        {Step::test_state, 0, 0},
        {Step::arrive, 1, 1},
        {Step::test_parity, 0, 1}}},
      {"transactions",
       {{Step::init, 1, {}},
        {Step::expect_tx, 64, {}},
        {Step::arrive, 1, 1},
        {Step::test_parity, 0, 0},
        {Step::complete_tx, 32, {}},
        {Step::test_parity, 0, 0},
        {Step::complete_tx, 32, {}},
        {Step::test_parity, 0, 1},
        {Step::arrive_expect_tx, 128, 1},
        {Step::test_parity, 1, 0},
        {Step::complete_tx, 128, {}},
        {Step::test_parity, 1, 1}}},
      // Bytes that come before they are expected, while arrivals are pending.
      {"transactions_early",
       {{Step::init, 2, {}},
        {Step::complete_tx, 16, {}},
        {Step::test_parity, 0, 0},
        {Step::arrive, 1, 2},
        {Step::test_parity, 0, 0},
        {Step::arrive_expect_tx, 16, 1},
        {Step::test_parity, 0, 1}}},
      {"transactions_before_arrival",
       {{Step::init, 2, {}},
        {Step::expect_tx, 48, {}},
        {Step::complete_tx, 48, {}},
        {Step::test_parity, 0, 0},
        {Step::arrive, 2, 2},
        {Step::test_parity, 0, 1}}},
      {"largest_counts",
       {{Step::init, (1u << 20) - 1, {}},
        {Step::arrive, (1u << 20) - 2, (1u << 20) - 1},
        {Step::expect_tx, (1u << 20) - 1, {}},
        {Step::arrive, 1, 1},
        {Step::test_parity, 0, 0},
        {Step::complete_tx, (1u << 20) - 1, {}},
        {Step::test_parity, 0, 1}}},
      {"invalidate_and_init",
       {{Step::init, 1, {}},
        {Step::arrive, 1, 1},
        {Step::test_parity, 0, 1},
        {Step::invalidate, 0, {}},
        {Step::init, 2, {}},
        {Step::test_parity, 0, 0},
        {Step::test_parity, 1, 1},
        {Step::arrive, 2, 2},
        {Step::test_parity, 0, 1}}},
      {"cp_async_arrive_noinc",
       {{Step::init, 2, {}},
        {Step::copy_async_arrive, 0, 0x1234},
        {Step::test_parity, 0, 0},
        {Step::arrive, 1, 1},
        {Step::test_parity, 0, 1}}},
  };
  return list;
}

// The rounds that each thread saw complete, and the cycles of the last.
Result probe_rounds(int threads) {
  constexpr int kRounds = 20;
  const auto count = static_cast<std::size_t>(threads);
  const DeviceArray<std::uint32_t> out(count + 1);
  check_launch(launch_barrier_rounds(threads, kRounds, out.get()), "mbarrier rounds");
  Result result;
  result.words = out.download();
  result.cycles = result.words.back();
  result.words.pop_back();
  result.expect(Words(count, kRounds));
  return result;
}

}  // namespace

void add_barrier_probes(std::vector<Probe>& probes) {
  const auto add = [&](const std::string& name, std::function<Result()> run) {
    probes.push_back({"mbarrier", "mbarrier_" + name, Kind::exact, Needs::sm90, std::move(run)});
  };
  for (const auto& entry : scripts()) {
    add(entry.first, [&entry] { return run_script(entry.second); });
  }
  for (const int threads : {32, 128, 1024}) {
    add("rounds_" + std::to_string(threads), [=] { return probe_rounds(threads); });
  }
}

}  // namespace foldconv::probes
