// SPDX-License-Identifier: MIT
// Blocks against what PyTorch computed in fp64 from torchvision's modules, whatever the cut.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "harness/ways/library.hpp"
#include "kernels/support/golden.hpp"
#include "kernels/support/test_blocks.hpp"

namespace foldconv::kernel_tests {
namespace {

const std::vector<Golden>& block_goldens() {
  static const std::vector<Golden> all = read_goldens(golden_folder() + "/blocks");
  return all;
}

// PyTorch's y, and how far from it a correct block may lie: it is rounded to fp32, too.
const oracle::Expected& witness(const Golden& golden, DataType dtype) {
  static std::map<std::pair<std::string, DataType>, oracle::Expected> known;
  const auto [found, absent] = known.try_emplace({golden.name, dtype});
  if (absent) {
    found->second = expect_block(in_type(golden, dtype));
    for (std::size_t i = 0; i < golden.y.size(); ++i) {
      found->second.y[i] = static_cast<double>(golden.y[i]);
      found->second.bound[i] += 0x1p-24 * std::fabs(found->second.y[i]);
    }
  }
  return found->second;
}

Result<BlockPlan> plan_of(const harness::Problem& problem, BlockCut cut = BlockCut::automatic) {
  return harness::plan_blocks(harness::create_blocks(problem), problem, {.cut = cut});
}

std::vector<float> run(const harness::Problem& problem, const BlockPlan& plan) {
  return oracle::decode(problem.dtype(),
                        run_block(plan, problem.dtype(), problem.input().encode(problem.x)));
}

// Every golden in every type, where the cut takes it. Returns what it took.
std::string expect_near_witness(BlockCut cut) {
  std::string taken;
  for (const Golden& golden : block_goldens()) {
    for (const DataType dtype : {DataType::f16, DataType::bf16, DataType::f32}) {
      const std::string name = golden.name + "_" + to_string(dtype);
      const harness::Problem problem = in_type(golden, dtype);
      const auto plan = plan_of(problem, cut);
      if (!plan.ok() && plan.status().code() == ErrorCode::unsupported) continue;
      if (!plan.ok()) throw std::runtime_error(name + ": " + plan.status().message());
      if (cut != BlockCut::automatic) {
        EXPECT_STREQ(to_string(plan->explanation().cut), to_string(cut)) << name;
      }
      const auto result = oracle::compare(run(problem, *plan), witness(golden, dtype));
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

TEST(BlockGoldens, AreThoseThatWereRecorded) {
  std::vector<std::string> names;
  for (const Golden& golden : block_goldens()) names.push_back(golden.name);
  EXPECT_EQ(names, (std::vector<std::string>{"basic_identity", "basic_stride_2", "first_of_stage_2",
                                             "identity", "identity_grouped", "identity_narrow",
                                             "v1_5_stride_2", "v1_stride_2"}));
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
  for (const Golden& golden : block_goldens()) {
    const std::vector<double> y = expect_block(in_type(golden, DataType::f32)).y;
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
  for (const Golden& golden : block_goldens()) {
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

using harness::Line;
using harness::LineConv;
using harness::Problem;

struct Fault {
  const char* name;
  std::function<bool(Problem&, Line&)> plant;  // false: the block has no place for it
};

// A copy of what a problem reads, which may be changed.
std::vector<float>& own(Problem& problem, std::span<const float>& values) {
  const auto storage = std::make_shared<std::pair<std::shared_ptr<void>, std::vector<float>>>(
      problem.storage, std::vector<float>(values.begin(), values.end()));
  values = storage->second;
  problem.storage = storage;
  return storage->second;
}

bool scale_weights(Problem& problem, LineConv& conv) {
  for (float& weight : own(problem, conv.weights.values)) weight *= 1.05f;
  return true;
}

// Of all convolutions' BatchNorms.
template <class Change>
std::function<bool(Problem&, Line&)> each_batch_norm(Change change) {
  return [change](Problem& problem, Line&) {
    for (LineConv* conv : problem.convs()) change(problem, *conv->batch_norm);
    return true;
  };
}

// A projection to zeros.
bool leave_out_shortcut(Problem& problem, Line& line) {
  harness::BlockShape shape = harness::shape_of(line);
  shape.projection = true;
  line.shortcut = harness::make_line(shape, line.input()).shortcut;
  line.shortcut->problem.dtype = problem.dtype();
  const std::vector<float> zeros(static_cast<std::size_t>(shape.k) *
                                 static_cast<std::size_t>(shape.c));
  std::span<const float> weights = zeros,
                         channels = weights.first(static_cast<std::size_t>(shape.k));
  own(problem, weights);
  own(problem, channels);
  line.shortcut->weights.values = weights;
  line.shortcut->batch_norm = BatchNorm{.gamma = channels,
                                        .beta = channels,
                                        .mean = channels,
                                        .variance = channels,
                                        .eps = Epsilon(1)};
  return true;
}

std::vector<Fault> faults() {
  return {
      {"conv1's weights times 1.05",
       [](Problem& p, Line& line) { return scale_weights(p, line.convs[0]); }},
      {"conv2's weights times 1.05",
       [](Problem& p, Line& line) { return scale_weights(p, line.convs[1]); }},
      {"conv3's weights times 1.05",
       [](Problem& p, Line& line) { return line.bottleneck() && scale_weights(p, line.convs[2]); }},
      {"the downsample's weights times 1.05",
       [](Problem& p, Line& line) { return line.shortcut && scale_weights(p, *line.shortcut); }},
      {"the stride at the other convolution",
       [](Problem&, Line& line) {
         std::swap(line.convs[0].problem.stride, line.convs[1].problem.stride);
         return line.bottleneck() && harness::shape_of(line).stride == 2;
       }},
      {"no shortcut", leave_out_shortcut},
      {"no eps", each_batch_norm([](Problem&, BatchNorm& norm) { norm.eps.value = 0; })},
      {"another eps", each_batch_norm([](Problem&, BatchNorm& norm) {
         norm.eps.value = norm.eps.value < 1e-4 ? 1e-3 : 1e-5;
       })},
      {"no mean", each_batch_norm([](Problem& p, BatchNorm& norm) {
         std::ranges::fill(own(p, norm.mean), 0.0f);
       })},
      {"the absolute value of gamma", each_batch_norm([](Problem& p, BatchNorm& norm) {
         for (float& gamma : own(p, norm.gamma)) gamma = std::fabs(gamma);
       })},
  };
}

TEST(BlockGoldens, RejectFaults) {
  for (const Golden& golden : block_goldens()) {
    for (const Fault& fault : faults()) {
      for (const DataType dtype : {DataType::f16, DataType::bf16}) {
        Problem wrong = in_type(golden, dtype);
        if (!fault.plant(wrong, wrong.lines.front())) continue;
        const auto plan = plan_of(wrong);
        ASSERT_TRUE(plan.ok()) << golden.name << ", " << fault.name << ": "
                               << plan.status().message();
        const auto result = oracle::compare(run(wrong, *plan), witness(golden, dtype));
        EXPECT_FALSE(result.pass) << golden.name << " " << to_string(dtype) << ", " << fault.name
                                  << ": " << result.to_string();
      }
    }
  }
}

}  // namespace
}  // namespace foldconv::kernel_tests
