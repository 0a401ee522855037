// SPDX-License-Identifier: MIT
// Blocks against what PyTorch computed in fp64 from torchvision's modules, whatever the cut.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <initializer_list>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "kernels/support/block_bound.hpp"
#include "kernels/support/block_golden.hpp"
#include "kernels/support/golden_folder.hpp"
#include "kernels/support/test_blocks.hpp"

namespace foldconv::kernel_tests {
namespace {

const std::vector<BlockGolden>& block_goldens() {
  static const std::vector<BlockGolden> all = read_block_goldens(golden_folder() + "/blocks");
  return all;
}

// PyTorch's y, and how far from it a correct block may lie: it is rounded to fp32, too.
const oracle::Expected& witness(const BlockGolden& golden, DataType dtype) {
  static std::map<std::pair<std::string, DataType>, oracle::Expected> known;
  const auto [found, absent] = known.try_emplace({golden.name, dtype});
  if (absent) {
    found->second = expect_block(golden, dtype);
    for (std::size_t i = 0; i < golden.y.size(); ++i) {
      found->second.y[i] = static_cast<double>(golden.y[i]);
      found->second.bound[i] += 0x1p-24 * std::fabs(found->second.y[i]);
    }
  }
  return found->second;
}

std::vector<float> run(const BlockGolden& golden, DataType dtype, const BlockPlan& plan) {
  const auto y = run_block(plan, dtype, oracle::encode(dtype, golden.x));
  return oracle::decode(dtype, y);
}

// Every golden in every type, where the cut takes it. Returns what it took.
std::string expect_near_witness(BlockCut cut) {
  std::string taken;
  for (const BlockGolden& golden : block_goldens()) {
    for (const DataType dtype : {DataType::f16, DataType::bf16, DataType::f32}) {
      const std::string name = golden.name + "_" + to_string(dtype);
      const auto plan =
          create_block(golden, dtype).plan({golden.n, golden.h, golden.w}, {.cut = cut});
      if (!plan.ok() && plan.status().code() == ErrorCode::unsupported) continue;
      if (!plan.ok()) throw std::runtime_error(name + ": " + plan.status().message());
      if (cut != BlockCut::automatic) {
        EXPECT_STREQ(to_string(plan->explanation().cut), to_string(cut)) << name;
      }
      const auto result = oracle::compare(run(golden, dtype, *plan), witness(golden, dtype));
      EXPECT_TRUE(result.pass) << name << ": " << result.to_string();
      testing::Test::RecordProperty("share_" + name, std::to_string(result.worst_share));
      taken += name + " ";
    }
  }
  return taken;
}

std::ptrdiff_t count(const std::string& taken) {
  return std::ranges::count(taken, ' ');
}

TEST(BlockGoldens, ChainAgrees) {
  EXPECT_EQ(count(expect_near_witness(BlockCut::chain)), 3 * std::ssize(block_goldens()));
}

TEST(BlockGoldens, AutomaticAgrees) {
  EXPECT_EQ(count(expect_near_witness(BlockCut::automatic)), 3 * std::ssize(block_goldens()));
}

// Their weights are exact in 16 bits, and keep their scale: the whole kernel takes no projection then.
TEST(BlockGoldens, WholeAgrees) {
  const std::string taken = " " + expect_near_witness(BlockCut::whole);
  for (const char* name : {" identity_f16 ", " identity_bf16 "}) {
    EXPECT_NE(taken.find(name), std::string::npos) << name << "is refused";
  }
  for (const char* name : {" first_of_stage_2_f16 ", " first_of_stage_2_bf16 "}) {
    EXPECT_EQ(taken.find(name), std::string::npos) << name << "is joined";
  }
}

TEST(BlockGoldens, TailsAgree) {
  expect_near_witness(BlockCut::tails);
}

// Without any kernel: what the bound is computed from is the block that PyTorch means.
TEST(BlockGoldens, OracleAgrees) {
  for (const BlockGolden& golden : block_goldens()) {
    const std::vector<double> y = expect_block(golden, DataType::f32).y;
    const auto result =
        oracle::compare(std::vector<float>(y.begin(), y.end()), witness(golden, DataType::f32));
    EXPECT_TRUE(result.pass) << golden.name << ": " << result.to_string();
  }
}

// Of the median element that the last ReLU lets through.
double median_bound(const oracle::Expected& expected) {
  std::vector<double> bounds;
  for (std::size_t i = 0; i < expected.y.size(); ++i) {
    if (expected.y[i] > 0) bounds.push_back(expected.bound[i]);
  }
  const auto middle = bounds.begin() + std::ssize(bounds) / 2;
  std::ranges::nth_element(bounds, middle);
  return *middle;
}

double root_mean_square(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value * value;
  return std::sqrt(sum / static_cast<double>(values.size()));
}

TEST(BlockGoldens, BoundsAreSmallAgainstTheValues) {
  for (const BlockGolden& golden : block_goldens()) {
    for (const auto& [dtype, limit] :
         {std::pair{DataType::f16, 0.03}, {DataType::bf16, 0.2}, {DataType::f32, 0.001}}) {
      const oracle::Expected& expected = witness(golden, dtype);
      EXPECT_LT(median_bound(expected), limit * root_mean_square(expected.y))
          << golden.name << " " << to_string(dtype);
    }
  }
}

// --- Faults
// ---------------------------------------------------------------------------------------------------------

struct Fault {
  const char* name;
  std::function<bool(BlockGolden&)> plant;  // false: the block has no place for it
};

template <class Change>
void for_each_layer(BlockGolden& golden, Change&& change) {
  for (GoldenLayer& layer : golden.layers) change(layer);
  if (golden.downsample) change(*golden.downsample);
}

bool scale_weights(GoldenLayer& layer) {
  for (float& weight : layer.weights) weight *= 1.05f;
  return true;
}

std::vector<Fault> faults() {
  return {
      {"conv1's weights times 1.05", [](BlockGolden& g) { return scale_weights(g.layers[0]); }},
      {"conv2's weights times 1.05", [](BlockGolden& g) { return scale_weights(g.layers[1]); }},
      {"conv3's weights times 1.05",
       [](BlockGolden& g) { return g.is_bottleneck() && scale_weights(g.layers[2]); }},
      {"the downsample's weights times 1.05",
       [](BlockGolden& g) { return g.downsample && scale_weights(*g.downsample); }},
      {"the stride at the other convolution",
       [](BlockGolden& g) {
         g.stride_at = g.stride_at == StrideAt::conv1 ? StrideAt::conv2 : StrideAt::conv1;
         return g.is_bottleneck() && g.stride == 2;
       }},
      {"no shortcut",
       [](BlockGolden& g) {
         const std::vector<float> zeros(static_cast<std::size_t>(g.k));
         g.downsample = GoldenLayer{
             .k = g.k,
             .c_per_group = g.c,
             .weights = std::vector<float>(zeros.size() * static_cast<std::size_t>(g.c)),
             .gamma = zeros,
             .beta = zeros,
             .mean = zeros,
             .variance = zeros,
             .eps = 1};
         return true;
       }},
      {"no eps",
       [](BlockGolden& g) {
         for_each_layer(g, [](GoldenLayer& layer) { layer.eps = 0; });
         return true;
       }},
      {"another eps",
       [](BlockGolden& g) {
         for_each_layer(g, [](GoldenLayer& layer) { layer.eps = layer.eps < 1e-4 ? 1e-3 : 1e-5; });
         return true;
       }},
      {"no mean",
       [](BlockGolden& g) {
         for_each_layer(g, [](GoldenLayer& layer) { std::ranges::fill(layer.mean, 0.0f); });
         return true;
       }},
      {"the absolute value of gamma",
       [](BlockGolden& g) {
         for_each_layer(g, [](GoldenLayer& layer) {
           for (float& gamma : layer.gamma) gamma = std::fabs(gamma);
         });
         return true;
       }},
  };
}

TEST(BlockGoldens, RejectFaults) {
  for (const BlockGolden& golden : block_goldens()) {
    for (const Fault& fault : faults()) {
      BlockGolden wrong = golden;
      if (!fault.plant(wrong)) continue;
      for (const DataType dtype : {DataType::f16, DataType::bf16}) {
        const auto plan = create_block(wrong, dtype).plan({golden.n, golden.h, golden.w});
        ASSERT_TRUE(plan.ok()) << golden.name << ", " << fault.name << ": "
                               << plan.status().message();
        const auto result = oracle::compare(run(wrong, dtype, *plan), witness(golden, dtype));
        EXPECT_FALSE(result.pass) << golden.name << " " << to_string(dtype) << ", " << fault.name
                                  << ": " << result.to_string();
      }
    }
  }
}

}  // namespace
}  // namespace foldconv::kernel_tests
