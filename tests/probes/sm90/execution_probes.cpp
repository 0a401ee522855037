// SPDX-License-Identifier: MIT
// stmatrix, elect, setmaxnreg, programmatic dependent launch, by the kernels of execution.cu.
#include "probe/device.hpp"
#include "sm90/kernels.hpp"
#include "sm90/probes.hpp"

namespace foldconv::probes {
namespace {

using Array = DeviceArray<std::uint32_t>;

// All 32 rows; those that are not addressed keep the poison.
Result probe_stmatrix(int matrices, bool transposed) {
  const Array out(128);
  check_launch(launch_stmatrix(matrices, transposed, out.get()), "stmatrix");
  Result result;
  result.words = out.download();
  Words expected(128, kTmaPoison);
  for (std::uint32_t row = 0; row < 8 * static_cast<std::uint32_t>(matrices); ++row) {
    for (std::uint32_t column = 0; column < 8; ++column) {
      const std::uint32_t line = transposed ? column : row % 8,
                          other = transposed ? row % 8 : column;
      const std::uint32_t lane = 4 * line + other / 2;
      const std::uint32_t value = 8 * lane + 2 * (row / 8) + other % 2;
      std::uint32_t& word = expected[4 * row + column / 2];
      word = column % 2 == 0 ? value : word | value << 16;
    }
  }
  result.expect(expected);
  return result;
}

Result probe_elect() {
  const Array out(64);
  check_launch(launch_elect(out.get()), "elect");
  Result result;
  result.words = out.download();
  return result;
}

Result probe_setmaxnreg() {
  Words in(32 + 180);
  for (std::uint32_t i = 0; i < in.size(); ++i) in[i] = 2654435761u * (i + 1);
  const Array device_in(in), out(384 + 3);
  check_launch(launch_setmaxnreg(device_in.get(), out.get()), "setmaxnreg");
  const Words raw = out.download();
  Result result;
  result.words.assign(raw.begin(), raw.begin() + 384);
  for (std::size_t group = 0; group < 3; ++group) {
    result.notes.push_back("cycles of setmaxnreg in warpgroup " + std::to_string(group) + ": " +
                           std::to_string(raw[384 + group]));
  }
  result.cycles = raw[385];
  Words expected;
  for (std::size_t thread = 0; thread < 384; ++thread) {
    std::uint32_t sum = 0;
    for (std::size_t i = thread < 128 ? 8 : 180; i-- > 0;)
      sum = (sum ^ in[thread % 32 + i]) * kSetmaxnregFactor;
    expected.push_back(sum);
  }
  result.expect(expected);
  return result;
}

// Word 0: what the second kernel read after griddepcontrol.wait. Word 1: whether the first saw the
// second running. Early, word 2: what the second read before its wait. Late, that is open: nothing
// makes it visible yet.
Result probe_dependent_launch(bool early) {
  const Array scratch(2), out(3);
  check_launch(launch_dependent_pair(early, scratch.get(), out.get()),
               "programmatic dependent launch");
  Result result;
  result.words = out.download();
  if (!early) result.words.resize(2);
  result.expect(early ? Words{4711, 1, 0} : Words{4711, 0});
  return result;
}

Result probe_timer() {
  const Array out(2);
  check_launch(launch_timer(out.get()), "clock64");
  const Words cycles = out.download();
  Result result;
  result.words = {2};
  result.cycles = cycles[0];
  result.notes = {"two reads of clock64 in a row: " + std::to_string(cycles[0]) +
                  " cycles; with a loop of 1000 empty turns between: " + std::to_string(cycles[1])};
  return result;
}

}  // namespace

void add_execution_probes(std::vector<Probe>& probes) {
  const auto add = [&](const std::string& name, std::function<Result()> run,
                       const char* forbidden = "") {
    probes.push_back({"execution", name, Kind::exact, Needs::sm90, std::move(run), forbidden});
  };
  for (const int matrices : {1, 2, 4}) {
    const std::string name = "execution_stmatrix_x" + std::to_string(matrices);
    add(name, [=] { return probe_stmatrix(matrices, false); });
    add(name + "_trans", [=] { return probe_stmatrix(matrices, true); });
  }
  add("execution_elect", probe_elect);
  add("execution_setmaxnreg", probe_setmaxnreg);
  const char* const reads_early = "pdl-early-read";
  add(
      "execution_dependent_launch", [] { return probe_dependent_launch(true); }, reads_early);
  add(
      "execution_dependent_launch_late", [] { return probe_dependent_launch(false); }, reads_early);
  add("execution_clock", probe_timer);
}

}  // namespace foldconv::probes
