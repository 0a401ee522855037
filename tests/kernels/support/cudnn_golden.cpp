// SPDX-License-Identifier: MIT
#include "kernels/support/cudnn_golden.hpp"

#include <algorithm>
#include <filesystem>
#include <stdexcept>

#include "harness/device/buffer.hpp"
#include "harness/error.hpp"
#include "harness/oracle/any_order.hpp"
#include "harness/problem/conv_text.hpp"
#include "harness/safetensors/safetensors.hpp"
#include "harness/ways/library.hpp"

namespace foldconv::kernel_tests {
namespace {

CudnnGolden parse(const std::string& name, const harness::Safetensors& file) {
  CudnnGolden golden;
  golden.name = name;
  golden.witness = "cuDNN " + file.metadata().at("cudnn") + " on " + file.metadata().at("gpu") +
                   ", engine " + file.metadata().at("engine");
  golden.problem = harness::parse_problem_text(file.metadata().at("problem"));
  const ConvProblem& p = golden.problem;
  const auto tensor = [&file](const char* key, std::int64_t elements) {
    std::vector<float> values = file.values(key);
    if (std::ssize(values) != elements) {
      throw std::runtime_error(std::string(key) + " has another size than the problem says");
    }
    return values;
  };
  golden.inputs.x = tensor("x", p.input().elements());
  golden.inputs.weights = tensor("weights", std::int64_t{p.k} * (p.c / p.groups) * p.r * p.s);
  golden.inputs.scale = tensor("scale", p.k);
  golden.inputs.bias = tensor("bias", p.k);
  const std::int64_t outputs = oracle::output_shape(p).elements();
  if (p.residual) golden.inputs.residual = tensor("residual", outputs);
  golden.y = tensor("y", outputs);
  return golden;
}

}  // namespace

std::vector<CudnnGolden> read_cudnn_goldens(const std::string& folder) {
  std::vector<CudnnGolden> goldens;
  if (!std::filesystem::is_directory(folder)) return goldens;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".safetensors") continue;
    try {
      goldens.push_back(parse(entry.path().stem().string(), harness::Safetensors(entry.path())));
    } catch (const std::exception& failure) {
      throw std::runtime_error(entry.path().string() + ": " + failure.what());
    }
  }
  std::ranges::sort(goldens, {}, &CudnnGolden::name);
  return goldens;
}

oracle::Comparison compare_with_library(const CudnnGolden& golden) {
  const ConvProblem& p = golden.problem;
  const oracle::ConvInputs& inputs = golden.inputs;
  // A BatchNorm that folds to just this scale and bias.
  const std::vector<float> mean(inputs.scale.size(), 0.0f), variance(inputs.scale.size(), 1.0f);
  const FoldedConv folded = harness::value_of(
      fold({.values = inputs.weights, .k = p.k, .c_per_group = p.c / p.groups, .r = p.r, .s = p.s},
           BatchNorm{.gamma = inputs.scale,
                     .beta = inputs.bias,
                     .mean = mean,
                     .variance = variance,
                     .eps = Epsilon(0)},
           {.dtype = p.dtype, .placement = ScalePlacement::epilogue}));
  const ConvPlan plan = harness::plan_conv(folded, p);
  const harness::DeviceBuffer x(oracle::encode(p.dtype, inputs.x));
  const harness::DeviceBuffer residual(oracle::encode(p.dtype, inputs.residual));
  const harness::DeviceBuffer y(golden.y.size() * size_of(p.dtype));
  harness::launch_of(plan, x, &residual, y, {})(nullptr);
  harness::check(cudaDeviceSynchronize(), "running foldconv");

  const oracle::Expected ours = oracle::conv(p, inputs);
  oracle::Expected allowed = oracle::conv_in_any_order(p, inputs);
  for (std::size_t i = 0; i < allowed.y.size(); ++i) {
    allowed.y[i] = static_cast<double>(golden.y[i]);
    allowed.bound[i] += ours.bound[i];
  }
  return oracle::compare(oracle::decode(p.dtype, y.download()), allowed);
}

}  // namespace foldconv::kernel_tests
