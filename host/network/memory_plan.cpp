// SPDX-License-Identifier: MIT
#include "network/memory_plan.hpp"

#include <algorithm>
#include <numeric>

namespace foldconv::host {
namespace {

constexpr std::size_t kArenaAlignment = 256;  // whole lines of L2, and what every kernel asks for

std::size_t aligned(std::size_t bytes) {
  return (bytes + kArenaAlignment - 1) / kArenaAlignment * kArenaAlignment;
}

bool meet(const Lifetime& a, const Lifetime& b) {
  return a.first <= b.last && b.first <= a.last;
}

}  // namespace

MemoryPlan plan_memory(std::span<const Lifetime> tensors) {
  std::vector<std::size_t> by_size(tensors.size());
  std::iota(by_size.begin(), by_size.end(), std::size_t{0});
  std::ranges::stable_sort(
      by_size, [&](std::size_t a, std::size_t b) { return tensors[a].bytes > tensors[b].bytes; });

  MemoryPlan plan = {std::vector<std::size_t>(tensors.size()), 0};
  std::vector<std::size_t> placed;  // by offset
  for (const std::size_t tensor : by_size) {
    const std::size_t bytes = aligned(tensors[tensor].bytes);
    std::size_t offset = 0;
    for (const std::size_t other : placed) {
      if (!meet(tensors[tensor], tensors[other])) continue;
      if (plan.offsets[other] >= offset + bytes) break;  // fits in front of it
      offset = std::max(offset, plan.offsets[other] + aligned(tensors[other].bytes));
    }
    plan.offsets[tensor] = offset;
    plan.bytes = std::max(plan.bytes, offset + bytes);
    const auto behind = std::ranges::upper_bound(
        placed, offset, {}, [&](std::size_t other) { return plan.offsets[other]; });
    placed.insert(behind, tensor);
  }
  return plan;
}

}  // namespace foldconv::host
