// SPDX-License-Identifier: MIT
// What a probe is: a name, and a function that runs small kernels and gives words which are the
// same on every run.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace foldconv::probes {

using Words = std::vector<std::uint32_t>;

enum class Kind {
  exact,                 // every bit is defined by the PTX ISA or has always been the same
  approximate,           // words are floats; the instruction has an error bound, not defined bits
  tensor_core_rounding,  // how tensor cores sum and round: the emulator is known not to model it
};
enum class Needs { any_gpu, sm90 };

struct Result {
  Words words;
  std::vector<std::string> notes;  // for the reader; no comparison looks at them
  // How many words (or elements that words stand for) differ from what the probe's author
  // understood the ISA to say; nothing where there is no such expectation.
  std::optional<std::uint32_t> mismatches;
  std::uint64_t cycles = 0;  // on the device; 0: not measured

  // Counts the words that differ from `expected`.
  void expect(const Words& expected);
};

struct Probe {
  std::string group;  // one golden file for each
  std::string name;   // unique; starts with the group's name
  Kind kind = Kind::exact;
  Needs needs = Needs::any_gpu;
  std::function<Result()> run;
  // Not empty: it does what the PTX ISA forbids, to see what a GPU does then. The emulator must stop it with this fault.
  std::string forbidden = {};
};

// Thrown by a probe that cannot run here.
struct NotSupported : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// 64-bit FNV-1a over the words' bytes, little endian.
std::uint64_t fnv64(const Words& words);

// splitmix64: the same values on every machine.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  int between(int low, int high) {
    return low + static_cast<int>(next() % static_cast<std::uint64_t>(high - low + 1));
  }

 private:
  std::uint64_t state_;
};

}  // namespace foldconv::probes
