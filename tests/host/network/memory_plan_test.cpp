// SPDX-License-Identifier: MIT
// Tensors that live at the same time share no byte; those that do not, share their place.
#include "network/memory_plan.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace foldconv::host {
namespace {

bool overlap(std::size_t begin_a, std::size_t size_a, std::size_t begin_b, std::size_t size_b) {
  return begin_a < begin_b + size_b && begin_b < begin_a + size_a;
}

// What the tensors that live at one step need: no plan is smaller.
std::size_t most_at_a_step(const std::vector<Lifetime>& tensors, int steps) {
  std::size_t most = 0;
  for (int step = 0; step < steps; ++step) {
    std::size_t bytes = 0;
    for (const Lifetime& tensor : tensors) {
      if (tensor.first <= step && step <= tensor.last) bytes += (tensor.bytes + 255) / 256 * 256;
    }
    most = std::max(most, bytes);
  }
  return most;
}

TEST(MemoryPlan, NoTwoLivingTensorsShareAByte) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    const int steps = 1 + static_cast<int>(random() % 40);
    std::vector<Lifetime> tensors;
    std::size_t sum = 0;
    for (int i = 0; i < steps * 2; ++i) {
      const int first = static_cast<int>(random() % static_cast<unsigned>(steps));
      const int last = std::min(steps - 1, first + static_cast<int>(random() % 5));
      tensors.push_back({1 + random() % 5000, first, last});
      sum += (tensors.back().bytes + 255) / 256 * 256;
    }
    const MemoryPlan plan = plan_memory(tensors);
    ASSERT_EQ(plan.offsets.size(), tensors.size());
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      EXPECT_EQ(plan.offsets[i] % 256, 0u);
      EXPECT_LE(plan.offsets[i] + tensors[i].bytes, plan.bytes);
      for (std::size_t j = 0; j < i; ++j) {
        const bool together =
            tensors[i].first <= tensors[j].last && tensors[j].first <= tensors[i].last;
        EXPECT_FALSE(together &&
                     overlap(plan.offsets[i], tensors[i].bytes, plan.offsets[j], tensors[j].bytes))
            << "round " << round << ", tensors " << i << " and " << j;
      }
    }
    EXPECT_LE(plan.bytes, sum);
    EXPECT_GE(plan.bytes, most_at_a_step(tensors, steps));
  }
}

// Each tensor dies when the next but one is born.
TEST(MemoryPlan, AChainNeedsItsTwoLargestNeighbours) {
  std::vector<Lifetime> chain;
  for (int i = 0; i < 50; ++i) chain.push_back({1024, i, i + 1});
  EXPECT_EQ(plan_memory(chain).bytes, 2048u);
}

TEST(MemoryPlan, NothingNeedsNothing) {
  EXPECT_EQ(plan_memory({}).bytes, 0u);
}

}  // namespace
}  // namespace foldconv::host
