// SPDX-License-Identifier: MIT
// Wavefronts of shared memory where lanes meet in banks, counted address by address.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace foldconv::host {

// Where each lane of a warp accesses shared memory, in bytes.
using LanePlaces = std::array<std::int64_t, 32>;
inline constexpr std::int64_t kNoPlace = -1;  // of a lane that does not take part

// Passes over the banks of one access of `bytes` a lane, 4 to 16: phases of 128 bytes, in each the most places of a bank.
inline int access_wavefronts(const LanePlaces& places, int bytes) {
  const std::size_t lanes = 128 / static_cast<std::size_t>(bytes);
  int sum = 0;
  for (std::size_t phase = 0; phase < places.size(); phase += lanes) {
    LanePlaces chunks{};  // of a lane's bytes, each in one column of banks
    std::size_t count = 0;
    for (std::size_t lane = phase; lane < phase + lanes; ++lane) {
      if (places[lane] != kNoPlace) chunks[count++] = places[lane] / bytes;
    }
    std::sort(chunks.begin(), chunks.begin() + static_cast<std::ptrdiff_t>(count));
    std::array<int, 32> in_bank{};
    int most = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (i > 0 && chunks[i] == chunks[i - 1]) continue;
      most = std::max(most, ++in_bank[static_cast<std::size_t>(chunks[i]) % lanes]);
    }
    sum += most;
  }
  return sum;
}

// Of a loop over `count` places by neighbouring threads.
template <class PlaceOf>
double loop_wavefronts(int count, int bytes, PlaceOf&& place_of) {
  double sum = 0;
  for (int first = 0; first < count; first += 32) {
    LanePlaces places{};
    for (int lane = 0; lane < 32; ++lane)
      places[static_cast<std::size_t>(lane)] =
          first + lane < count ? place_of(first + lane) : kNoPlace;
    sum += access_wavefronts(places, bytes);
  }
  return sum;
}

}  // namespace foldconv::host
