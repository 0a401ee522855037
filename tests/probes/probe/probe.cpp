// SPDX-License-Identifier: MIT
#include "probe/probe.hpp"

#include <algorithm>

namespace foldconv::probes {

void Result::expect(const Words& expected) {
  std::size_t differing =
      std::max(words.size(), expected.size()) - std::min(words.size(), expected.size());
  for (std::size_t i = 0; i < std::min(words.size(), expected.size()); ++i) {
    differing += words[i] != expected[i] ? 1 : 0;
  }
  mismatches = mismatches.value_or(0) + static_cast<std::uint32_t>(differing);
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
