// SPDX-License-Identifier: MIT
// Where tensors lie in one arena: those that live at the same time do not share a byte.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace foldconv::host {

// Steps from the first that writes it to the last that reads it, both included.
struct Lifetime {
  std::size_t bytes;
  int first, last;
};

struct MemoryPlan {
  std::vector<std::size_t> offsets;  // multiples of 256, one for each lifetime
  std::size_t bytes = 0;
};

// The largest first, each at the lowest place that is free for as long as it lives (Pisarchyk and Lee, "Efficient Memory
// Management for Deep Neural Net Inference", 2020: greedy by size).
MemoryPlan plan_memory(std::span<const Lifetime> tensors);

}  // namespace foldconv::host
