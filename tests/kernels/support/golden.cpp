// SPDX-License-Identifier: MIT
#include "kernels/support/golden.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <stdexcept>
#include <utility>

#include "foldconv/safetensors.hpp"
#include "harness/error.hpp"
#include "harness/oracle/any_order.hpp"
#include "harness/problem/data.hpp"
#include "harness/problem/text.hpp"
#include "harness/ways/library.hpp"
#include "harness/ways/way.hpp"
#include "weights/block_weights.hpp"

namespace foldconv::kernel_tests {
namespace {

using safetensors::StateDict;

std::vector<float> values(const StateDict& file, const std::string& name, std::int64_t elements) {
  const Constant tensor = harness::value_of(file.tensor(name));
  const std::span<const float> found = tensor.values();
  if (std::ssize(found) == elements) return {found.begin(), found.end()};
  throw std::runtime_error(name + " has " + std::to_string(found.size()) + " elements instead of " +
                           std::to_string(elements));
}

harness::Problem problem_of(const std::map<std::string, std::string>& said) {
  const auto block = said.find("block");
  if (block == said.end()) {
    return harness::make_layer(harness::parse_problem_text(said.at("problem")));
  }
  harness::Problem problem = harness::parse_block(block->second);
  harness::apply({.dtype = harness::value_of(parse_data_type(said.at("dtype")))}, problem);
  return problem;
}

Golden block_of(const std::string& name, const StateDict& file) {
  const auto said = [&file](const char* key) { return file.metadata().at(key); };
  const safetensors::TensorInfo* x = file.find("golden.x");  // NHWC
  if (x == nullptr) throw std::runtime_error("no golden.x");
  const auto size = [x](std::size_t i) { return static_cast<int>(x->extents.at(i)); };
  harness::Problem problem = tool::load_block(
      file, said("prefix"),
      {.stride = std::stoi(said("stride")),
       .stride_at = said("stride_at") == "conv1" ? StrideAt::conv1 : StrideAt::conv2,
       .eps = Epsilon(std::stod(said("eps")))},
      {size(1), size(2)});
  problem.distinct = size(0);
  harness::set_images(problem, problem.distinct);
  problem.x = values(file, "golden.x", problem.input().shape.elements());
  std::vector<float> y = values(file, "golden.y", problem.output().shape.elements());
  return {name, "PyTorch", std::move(problem), std::move(y)};
}

Golden golden_of(const std::string& name, const StateDict& file) {
  const std::map<std::string, std::string>& said = file.metadata();
  if (said.contains("prefix")) return block_of(name, file);
  harness::Problem problem = problem_of(said);
  const auto storage = std::make_shared<std::deque<std::vector<float>>>();
  problem.storage = storage;
  for (harness::LineConv* conv : problem.convs()) {
    const ConvProblem& p = conv->problem;
    const std::string prefix = conv->name.empty() ? "" : conv->name + ".";
    const auto has = [&](const char* what) { return file.find(prefix + what) != nullptr; };
    const auto take = [&](const char* what, std::int64_t elements) -> std::span<const float> {
      return storage->emplace_back(values(file, prefix + what, elements));
    };
    const auto take_or = [&](const char* what, float otherwise) -> std::span<const float> {
      if (has(what)) return take(what, p.k);
      return storage->emplace_back(static_cast<std::size_t>(p.k), otherwise);
    };
    conv->weights.values = take("weights", std::int64_t{p.k} * (p.c / p.groups) * p.r * p.s);
    if (has("conv_bias")) conv->weights.bias = take("conv_bias", p.k);
    if (!has("gamma")) continue;
    conv->batch_norm =
        BatchNorm{.gamma = take("gamma", p.k),
                  .beta = take("beta", p.k),
                  .mean = take_or("mean", 0),
                  .variance = take_or("variance", 1),
                  .eps = Epsilon(said.contains("eps") ? std::stod(said.at("eps")) : 0)};
  }
  problem.distinct = problem.input().shape.n;
  problem.x = values(file, "x", problem.input().shape.elements());
  const std::int64_t outputs = problem.output().shape.elements();
  const bool residual = !problem.blocks && problem.lines.back().convs.back().problem.residual;
  if (residual) problem.residual = values(file, "residual", outputs);
  const std::string witness =
      said.contains("cudnn")
          ? "cuDNN " + said.at("cudnn") + " on " + said.at("gpu") + ", " + said.at("engines")
          : "ONNX Runtime";
  return {name, witness, std::move(problem), values(file, "y", outputs)};
}

oracle::Expected allowed_layer(const harness::Problem& problem) {
  const harness::LineConv& conv = problem.lines.front().convs.front();
  const oracle::ConvInputs inputs =
      harness::inputs_of(harness::folded(conv), problem.x, problem.residual);
  oracle::Expected allowed = oracle::conv_in_any_order(conv.problem, inputs);
  const oracle::Expected ours = oracle::conv(conv.problem, inputs);
  for (std::size_t i = 0; i < ours.bound.size(); ++i) allowed.bound[i] += ours.bound[i];
  return allowed;
}

// The bound is for our K order. cuDNN's is not known; errors of sums are a small part of the bound,
// which is that of the roundings between the convolutions.
oracle::Expected allowed_block(const harness::Problem& problem) {
  oracle::Expected allowed = expect_block(problem);
  for (double& bound : allowed.bound) bound *= 2;
  return allowed;
}

}  // namespace

std::vector<Golden> read_goldens(const std::string& folder) {
  std::vector<Golden> all;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".safetensors") continue;
    try {
      all.push_back(golden_of(entry.path().stem().string(),
                              harness::value_of(StateDict::read(entry.path()))));
    } catch (const std::exception& failure) {
      throw std::runtime_error(entry.path().string() + ": " + failure.what());
    }
  }
  if (all.empty()) throw std::runtime_error(folder + ": no .safetensors files");
  std::ranges::sort(all, {}, &Golden::name);
  return all;
}

harness::Problem in_type(const Golden& block, DataType dtype) {
  harness::Problem problem = block.problem;
  harness::apply({.dtype = dtype}, problem);
  return problem;
}

oracle::Comparison compare_with_library(const Golden& golden, const std::string& way) {
  const harness::Problem& problem = golden.problem;
  harness::Tensors tensors(problem);
  const std::vector<harness::Way> ways =
      harness::make_ways(harness::foldconv_ways(), problem, tensors,
                         [&way](const std::string& name) { return name == way; });
  const harness::Checked checked = harness::check(ways.at(0), {.judged = false});
  EXPECT_EQ(checked.wrong, "") << golden.name;
  oracle::Expected allowed = problem.blocks ? allowed_block(problem) : allowed_layer(problem);
  allowed.y.assign(golden.y.begin(), golden.y.end());
  return oracle::compare(oracle::decode(problem.dtype(), checked.y), allowed);
}

void expect_agreement(const std::string& folder) {
  for (const Golden& golden : read_goldens(folder)) {
    for (const char* way : {"planned", "chain"}) {
      const oracle::Comparison result = compare_with_library(golden, way);
      EXPECT_TRUE(result.pass) << golden.name << " (" << golden.witness << "), " << way << ": "
                               << result.to_string();
      if (!golden.problem.blocks) break;  // a layer's chain is what is planned
    }
  }
}

}  // namespace foldconv::kernel_tests
