// SPDX-License-Identifier: MIT
// The shipped lists give the bits that they gave when the files were written, with every kernel that
// a recorded plan has for them and in every cut of a block.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <set>

#include "golden/data.hpp"
#include "golden/golden_file.hpp"
#include "golden/plans.hpp"
#include "harness/oracle/rounding.hpp"
#include "kernels/support/device_buffer.hpp"

namespace foldconv::golden {
namespace {

using kernel_tests::check;
using kernel_tests::DeviceBuffer;

constexpr DataType k16Bits[] = {DataType::f16, DataType::bf16};

// Of y, which must not be all zeros, and finite: only then does its hash tell something.
std::string hash_of(const DeviceBuffer& y, DataType dtype) {
  const std::vector<std::byte> bytes = y.download();
  const std::vector<float> values = oracle::decode(dtype, bytes);
  EXPECT_TRUE(std::ranges::all_of(values, [](float v) { return std::isfinite(v); }));
  EXPECT_TRUE(std::ranges::any_of(values, [](float v) { return v != 0; }));
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(fnv1a(bytes)));
  return text;
}

std::string with_type(std::string kernel, DataType dtype) {
  const std::size_t at = kernel.find("_f16_");
  return at == std::string::npos ? kernel
                                 : kernel.replace(at, 5, std::string("_") + to_string(dtype) + "_");
}

// Plans of all recorded devices, by problem and batch size.
std::vector<std::map<std::string, std::string>> recorded_plans() {
  std::vector<std::map<std::string, std::string>> plans;
  for (const RecordedDevice& device : kRecordedDevices) plans.push_back(read_golden(device.file));
  return plans;
}

// A layer above 20 MFLOP as an image of 17x17 outputs: more than one of the tallest tile, and a tail
// in each. Half the layers add a residual; activations that every C library computes alike.
ConvProblem reduced(const ListedLayer& layer, std::uint64_t seed) {
  constexpr Activation kActivations[] = {Activation::none, Activation::relu, Activation::relu6,
                                         Activation::leaky_relu()};
  ConvProblem problem = layer.problem;
  if (problem.flops() > 20e6) {
    problem.h = std::min(problem.h, 17 * problem.stride.h);
    problem.w = std::min(problem.w, 17 * problem.stride.w);
  }
  problem.residual = seed % 2 != 0;
  problem.activation = kActivations[seed / 2 % std::size(kActivations)];
  return problem;
}

// Layers that are like others' but for their widths: their plans are recorded, their bits would take as long as all others'.
bool plans_alone(const ListedLayer& layer) {
  return layer.name.starts_with("densenet121 ") || layer.name.starts_with("yolov8n ");
}

class LayerRun {
 public:
  LayerRun(const ConvProblem& problem, std::uint64_t seed)
      : problem_(problem),
        conv_(make_conv(problem, seed)),
        x_(oracle::encode(problem.dtype, make_values(problem.input().elements(), seed + 10))),
        residual_(
            oracle::encode(problem.dtype, make_values(problem.output().elements(), seed + 11))) {}

  // Of y. Throws std::runtime_error where the kernel does not run.
  std::string hash(const std::string& kernel) const {
    const Result<ConvPlan> plan = conv_.plan(problem_, {.kernel = kernel});
    if (!plan) throw std::runtime_error(plan.status().message());
    DeviceBuffer y(residual_.bytes());
    const DeviceBuffer workspace(plan->workspace_bytes());
    const Status status = plan->run({.x = x_.data(),
                                     .residual = problem_.residual ? residual_.data() : nullptr,
                                     .y = y.data(),
                                     .workspace = workspace.data(),
                                     .workspace_bytes = workspace.bytes()});
    if (!status) throw std::runtime_error(status.message());
    check(cudaDeviceSynchronize(), kernel.c_str());
    return hash_of(y, problem_.dtype);
  }

 private:
  ConvProblem problem_;
  Conv conv_;
  DeviceBuffer x_, residual_;
};

TEST(Bits, OfLayersAreThoseOfTheFile) {
  const auto plans = recorded_plans();
  Entries entries;
  for (const ListedLayer& layer : shipped_lists().layers) {
    if (plans_alone(layer)) continue;
    const std::uint64_t seed = fnv1a(layer.name);
    ConvProblem problem = reduced(layer, seed);
    std::set<std::string> kernels;
    for (const auto& plan : plans) {
      for (const int images : kBatchSizes) {
        for (std::string& kernel : kernels_in(plan.at(plan_name(layer.name, images)))) {
          kernels.insert(std::move(kernel));
        }
      }
    }
    for (const DataType dtype : k16Bits) {
      SCOPED_TRACE(layer.name + " " + to_string(dtype));
      problem.dtype = dtype;
      const LayerRun run(problem, seed);
      std::string bits;
      for (const std::string& kernel : kernels) {
        const std::string hash = run.hash(with_type(kernel, dtype));
        if (bits.empty()) bits = hash;
        EXPECT_EQ(hash, bits) << kernel << " and " << *kernels.begin() << " differ";
      }
      entries.emplace_back(layer.name + " " + to_string(dtype), bits);
    }
  }
  expect_golden(
      "bits_layers.txt",
      "Hashes of y, 64 bits (FNV-1a), of the shipped lists' layers: bits_test.cpp says with which "
      "data.",
      entries);
}

std::string direct_kernel(const ConvProblem& problem) {
  const Result<Explanation> plan = explain(problem);
  if (!plan) throw std::runtime_error(plan.status().message());
  std::vector<std::string> kernels = {plan->kernel};
  for (const Refusal& refusal : plan->refused) kernels.push_back(refusal.kernel);
  for (const std::string& kernel : kernels) {
    if (kernel.starts_with("direct_")) return kernel;
  }
  throw std::runtime_error("there is no direct kernel");
}

// The convolution without tensor cores sums in an order of its own. Emulated it takes a hundred times
// longer, so only small layers.
TEST(Bits, OfLayersWithoutTensorCoresAreThoseOfTheFile) {
  Entries entries;
  for (const ListedLayer& layer : shipped_lists().layers) {
    if (plans_alone(layer)) continue;
    const std::uint64_t seed = fnv1a(layer.name);
    ConvProblem problem = reduced(layer, seed);
    if (problem.flops() > 1e6) continue;
    for (const DataType dtype : {DataType::f16, DataType::bf16, DataType::f32}) {
      const std::string name = layer.name + " " + to_string(dtype);
      SCOPED_TRACE(name);
      problem.dtype = dtype;
      entries.emplace_back(name, LayerRun(problem, seed).hash(direct_kernel(problem)));
    }
  }
  expect_golden("bits_direct.txt", "As bits_layers.txt, of the kernel without tensor cores.",
                entries);
}

// Half the size of the list's images, wider than high: the tallest tiles of four multiprocessors.
// Of the largest images a very small one, too: the smallest tiles. No size is a multiple of a tile's. Inverted blocks have
// one tile size: a quarter.
std::vector<Images> images_of(const ListedBlocks& listed) {
  const auto [n, h, w] = listed.problem;
  if (listed.blocks.front().depthwise > 0) return {{1, (h + 1) / 4, w / 4 + 3}};
  std::vector<Images> images = {{1, (h - 1) / 2, w / 2 + 3}};
  if (h >= 56) images.push_back({1, 5, 6});
  return images;
}

std::string block_hash(const BlockPlan& plan, DataType dtype, std::uint64_t seed) {
  const DeviceBuffer x(oracle::encode(dtype, make_values(plan.input().elements(), seed)));
  DeviceBuffer y(static_cast<std::size_t>(plan.output().elements()) * size_of(dtype));
  const DeviceBuffer workspace(plan.workspace_bytes());
  const Status status = plan.run({.x = x.data(),
                                  .y = y.data(),
                                  .workspace = workspace.data(),
                                  .workspace_bytes = workspace.bytes()});
  if (!status) throw std::runtime_error(status.message());
  check(cudaDeviceSynchronize(), "a block");
  return hash_of(y, dtype);
}

// A plan's kernels. Throws std::runtime_error where it has none.
std::vector<std::string> kernels_of(const BlockPlan& plan) {
  std::vector<std::string> kernels;
  for (const LaunchFigures& launch : plan.explanation().chosen().launches)
    kernels.push_back(launch.kernel);
  if (kernels.empty()) throw std::runtime_error("the cut is not explained");
  return kernels;
}

// Of y, in every cut that takes the blocks, and with each of `planned` that no cut took: all the same. Adds the kernels
// that ran.
std::string hash_in_every_way(Blocks& blocks, const ListedBlocks& listed, const Images& problem,
                              DataType dtype, const std::set<std::string>& planned,
                              std::set<std::string>& run) {
  std::string bits;
  std::set<std::vector<std::string>> launched;
  for (const BlockCut cut :
       {BlockCut::chain, BlockCut::tails, BlockCut::whole, BlockCut::automatic}) {
    const Result<BlockPlan> plan = blocks.plan(listed, dtype, problem, {.cut = cut});
    if (!plan && plan.status().code() == ErrorCode::unsupported) continue;
    if (!plan) throw std::runtime_error(plan.status().message());
    std::vector<std::string> kernels = kernels_of(*plan);
    run.insert(kernels.begin(), kernels.end());
    if (!launched.insert(std::move(kernels)).second) continue;  // the automatic cut: a pinned one
    const std::string hash = block_hash(*plan, dtype, fnv1a(listed.name));
    if (bits.empty()) bits = hash;
    EXPECT_EQ(hash, bits) << to_string(cut) << " and " << to_string(BlockCut::chain) << " differ";
  }
  // With few multiprocessors and small images other tiles are the best than those that the whole device took.
  for (const std::string& kernel : planned) {
    const std::string pin = with_type(kernel, dtype);
    if (run.contains(pin)) continue;
    const Result<BlockPlan> plan = blocks.plan(listed, dtype, problem, {.kernel = pin});
    if (!plan && plan.status().code() == ErrorCode::unsupported) continue;
    if (!plan) throw std::runtime_error(plan.status().message());
    run.insert(pin);
    EXPECT_EQ(block_hash(*plan, dtype, fnv1a(listed.name)), bits) << pin << " differs";
  }
  return bits;
}

// The kernels of this device's recorded plans for blocks, without those that layers have, too: they
// were pinned for layers.
std::map<std::string, std::string> planned_for_blocks_alone() {
  const Lists lists = shipped_lists();
  const auto plans = read_golden(file_of_current_device());
  const auto kernels_of = [&plans](const auto& all_listed) {
    std::map<std::string, std::string> kernels;  // and a plan that has it
    for (const auto& listed : all_listed) {
      for (const auto& [name, plan] : plans) {
        if (!name.starts_with(listed.name + " n")) continue;
        for (const std::string& kernel : kernels_in(plan)) kernels.emplace(kernel, name);
      }
    }
    return kernels;
  };
  const auto of_layers = kernels_of(lists.layers);
  auto of_blocks = kernels_of(lists.blocks);
  std::erase_if(of_blocks, [&](const auto& kernel) { return of_layers.contains(kernel.first); });
  return of_blocks;
}

TEST(Bits, OfBlocksAreThoseOfTheFileInEveryCut) {
  Entries entries;
  std::set<std::string> run;
  Blocks blocks(2);
  const auto planned = planned_for_blocks_alone();
  for (const ListedBlocks& listed : shipped_lists().blocks) {
    std::set<std::string> of_listed;
    for (const auto& [kernel, plan] : planned) {
      if (plan.starts_with(listed.name + " n")) of_listed.insert(kernel);
    }
    for (const Images& problem : images_of(listed)) {
      for (const DataType dtype : k16Bits) {
        const std::string name = listed.name + " " + std::to_string(problem.h) + "x" +
                                 std::to_string(problem.w) + " " + to_string(dtype);
        SCOPED_TRACE(name);
        entries.emplace_back(name,
                             hash_in_every_way(blocks, listed, problem, dtype, of_listed, run));
      }
    }
  }
  expect_golden("bits_blocks.txt",
                "As bits_layers.txt, of the shipped lists' blocks and stages, with the sizes of "
                "their images.",
                entries);
  for (const auto& [kernel, plan] : planned) {
    for (const DataType dtype : k16Bits) {
      EXPECT_TRUE(run.contains(with_type(kernel, dtype)))
          << kernel << " is planned for " << plan << " and was not run in " << to_string(dtype);
    }
  }
}

}  // namespace
}  // namespace foldconv::golden
