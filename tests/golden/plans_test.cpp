// SPDX-License-Identifier: MIT
// The planner chooses for the shipped lists what it chose when the files were written.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <sstream>
#include <stdexcept>

#include "golden/data.hpp"
#include "golden/golden_file.hpp"
#include "golden/plans.hpp"
#include "kernels/support/device_buffer.hpp"

namespace foldconv::golden {
namespace {

using kernel_tests::check;

// By the model.
std::string microseconds(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f us", value);
  return text;
}

std::string layer_plan(ConvProblem problem, int images, DataType dtype) {
  problem.n = images;
  problem.dtype = dtype;
  const Result<Explanation> plan = explain(problem);
  if (!plan) return plan.status().message();
  std::string text =
      plan->kernel + " x" + std::to_string(plan->grid) + " " + microseconds(plan->floor_us);
  const Refusal* next = nullptr;
  for (const Refusal& refusal : plan->refused) {
    if (refusal.floor_us > 0 && (next == nullptr || refusal.floor_us < next->floor_us))
      next = &refusal;
  }
  return next == nullptr ? text
                         : text + "; next " + next->kernel + " " + microseconds(next->floor_us);
}

std::string cut_plan(const CutFigures& figures) {
  if (!figures.refusal.empty()) return "refused";
  std::string text =
      std::to_string(figures.workspace_bytes) + " bytes, " + microseconds(figures.floor_us) + ",";
  for (const LaunchFigures& launch : figures.launches) text += ' ' + launch.kernel;
  return text;
}

// The chosen way, and every pinned one.
Entries block_plans(Blocks& blocks, const ListedBlocks& listed, int images, DataType dtype) {
  Images problem = listed.problem;
  problem.n = images;
  const std::string name = plan_name(listed.name, images);
  const Result<BlockPlan> plan = blocks.plan(listed, dtype, problem);
  if (!plan) return {{name, plan.status().message()}};
  const BlockExplanation& explanation = plan->explanation();
  EXPECT_FALSE(explanation.cuts.empty()) << name;
  Entries entries = {{name, to_string(explanation.cut)}};
  for (const CutFigures& figures : explanation.cuts) {
    entries.emplace_back(name + ' ' + to_string(figures.cut), cut_plan(figures));
    if (figures.cut == explanation.cut) {
      EXPECT_EQ(figures.workspace_bytes, plan->workspace_bytes()) << name;
    }
  }
  return entries;
}

// Of bf16 as the same plan of f16.
std::string with_f16(std::string plan) {
  for (std::size_t at = 0; (at = plan.find("_bf16_", at)) != std::string::npos;) {
    plan.replace(at, 6, "_f16_");
  }
  return plan;
}

Entries plans_of(DataType dtype) {
  const Lists lists = shipped_lists();
  Entries entries;
  for (const ListedLayer& layer : lists.layers) {
    for (const int images : kBatchSizes) {
      entries.emplace_back(plan_name(layer.name, images), layer_plan(layer.problem, images, dtype));
    }
  }
  Blocks blocks(1);
  for (const ListedBlocks& listed : lists.blocks) {
    for (const int images : kBatchSizes) {
      for (auto& entry : block_plans(blocks, listed, images, dtype)) {
        entries.push_back(std::move(entry));
      }
    }
  }
  return entries;
}

const Entries& plans_of_f16() {
  static const Entries plans = plans_of(DataType::f16);
  return plans;
}

TEST(Plans, AreThoseOfTheFile) {
  expect_golden(
      file_of_current_device(),
      "The planner's choices for the shipped lists in f16, with their times by the "
      "model.\n"
      "Layers: kernel and CTAs, and the kernel that is next best. Blocks: the chosen cut; "
      "each cut's workspace\n"
      "and kernels in launch order.",
      plans_of_f16());
}

TEST(Plans, AreTheSameInBothTypesOf16Bits) {
  Entries plans = plans_of(DataType::bf16);
  for (auto& [name, plan] : plans) plan = with_f16(std::move(plan));
  const Entries& expected = plans_of_f16();
  ASSERT_EQ(plans.size(), expected.size());
  for (std::size_t i = 0; i < plans.size(); ++i) EXPECT_EQ(plans[i], expected[i]);
}

}  // namespace

std::string file_of_current_device() {
  int major = 0, minor = 0;
  check(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, 0), "attribute");
  check(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, 0), "attribute");
  for (const RecordedDevice& device : kRecordedDevices) {
    if (device.capability == major * 10 + minor) return device.file;
  }
  throw std::runtime_error("no plans are recorded for compute capability " + std::to_string(major) +
                           "." + std::to_string(minor));
}

std::vector<std::string> kernels_in(const std::string& plan) {
  std::vector<std::string> kernels;
  std::istringstream words(plan);
  for (std::string word; words >> word;) {
    if (word.find('_') != std::string::npos) kernels.push_back(word);
  }
  return kernels;
}

}  // namespace foldconv::golden
