// SPDX-License-Identifier: MIT
#include "kernels/support/golden.hpp"

#include <algorithm>
#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <stdexcept>
#include <utility>

#include "harness/error.hpp"
#include "harness/problem/conv_text.hpp"
#include "harness/problem/text.hpp"
#include "harness/safetensors/safetensors.hpp"
#include "weights/block_weights.hpp"

namespace foldconv::kernel_tests {
namespace {

using harness::Safetensors;

// What `read` makes of each safetensors file of a folder, by name.
template <class Read>
auto read_files(const std::string& folder, Read read) {
  std::vector<decltype(read(std::string(), std::declval<Safetensors>()))> all;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".safetensors") continue;
    try {
      all.push_back(
          read(entry.path().stem().string(), Safetensors(harness::open_file(entry.path()))));
    } catch (const std::exception& failure) {
      throw std::runtime_error(entry.path().string() + ": " + failure.what());
    }
  }
  if (all.empty()) throw std::runtime_error(folder + ": no .safetensors files");
  std::ranges::sort(all, {}, [](const auto& golden) { return golden.name; });
  return all;
}

std::vector<float> values(const Safetensors& file, const std::string& name, std::int64_t elements) {
  std::vector<float> found = file.values(name);
  if (std::ssize(found) == elements) return found;
  throw std::runtime_error(name + " has " + std::to_string(found.size()) + " elements instead of " +
                           std::to_string(elements));
}

std::int64_t weight_elements(const ConvProblem& p) {
  return std::int64_t{p.k} * (p.c / p.groups) * p.r * p.s;
}

ConvGolden conv_golden(const std::string& name, const Safetensors& file) {
  ConvGolden golden{.name = name,
                    .problem = harness::parse_problem_text(file.metadata().at("problem")),
                    .raw = {},
                    .y = {}};
  const ConvProblem& p = golden.problem;
  oracle::RawConv& raw = golden.raw;
  raw.x = values(file, "x", p.input().elements());
  raw.weights = values(file, "weights", weight_elements(p));
  if (file.find("conv_bias") != nullptr) raw.conv_bias = values(file, "conv_bias", p.k);
  if (const auto eps = file.metadata().find("eps"); eps != file.metadata().end()) {
    raw.eps = std::stod(eps->second);
    raw.gamma = values(file, "gamma", p.k);
    raw.beta = values(file, "beta", p.k);
    raw.mean = values(file, "mean", p.k);
    raw.variance = values(file, "variance", p.k);
  }
  golden.y = values(file, "y", oracle::output_shape(p).elements());
  return golden;
}

Golden block_golden(const std::string& name, const Safetensors& file) {
  const auto said = [&file](const char* key) { return file.metadata().at(key); };
  const harness::TensorInfo* x = file.find("golden.x");  // NHWC
  if (x == nullptr) throw std::runtime_error("no golden.x");
  const auto size = [x](std::size_t i) { return static_cast<int>(x->shape.at(i)); };
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

harness::Problem problem_of(const std::map<std::string, std::string>& said) {
  const auto block = said.find("block");
  if (block == said.end()) {
    return harness::make_layer(harness::parse_problem_text(said.at("problem")));
  }
  harness::Problem problem = harness::parse_block(block->second);
  harness::apply({.dtype = harness::value_of(parse_data_type(said.at("dtype")))}, problem);
  return problem;
}

Golden cudnn_golden(const std::string& name, const Safetensors& file) {
  const std::map<std::string, std::string>& said = file.metadata();
  harness::Problem problem = problem_of(said);
  const auto storage = std::make_shared<std::deque<std::vector<float>>>();
  problem.storage = storage;
  for (harness::LineConv* conv : problem.convs()) {
    const auto take = [&, prefix = conv->name.empty() ? "" : conv->name + "."](
                          const char* what, std::int64_t elements) -> const std::vector<float>& {
      return storage->emplace_back(values(file, prefix + what, elements));
    };
    const auto k = static_cast<std::size_t>(conv->problem.k);
    conv->weights.values = take("weights", weight_elements(conv->problem));
    conv->batch_norm = BatchNorm{.gamma = take("scale", conv->problem.k),
                                 .beta = take("bias", conv->problem.k),
                                 .mean = storage->emplace_back(k, 0.0f),
                                 .variance = storage->emplace_back(k, 1.0f),
                                 .eps = Epsilon(0)};
  }
  problem.distinct = problem.input().shape.n;
  problem.x = values(file, "x", problem.input().shape.elements());
  const std::int64_t outputs = problem.output().shape.elements();
  if (file.find("residual") != nullptr) problem.residual = values(file, "residual", outputs);
  return {name, "cuDNN " + said.at("cudnn") + " on " + said.at("gpu") + ", " + said.at("engines"),
          std::move(problem), values(file, "y", outputs)};
}

}  // namespace

std::vector<ConvGolden> read_convs(const std::string& folder) {
  return read_files(folder, conv_golden);
}

std::vector<Golden> read_blocks(const std::string& folder) {
  return read_files(folder, block_golden);
}

harness::Problem in_type(const Golden& block, DataType dtype) {
  harness::Problem problem = block.problem;
  harness::apply({.dtype = dtype}, problem);
  return problem;
}

std::vector<Golden> read_cudnn(const std::string& folder) {
  if (!std::filesystem::exists(folder)) return {};
  return read_files(folder, cudnn_golden);
}

}  // namespace foldconv::kernel_tests
