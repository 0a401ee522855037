// SPDX-License-Identifier: MIT
#include "cudnn/operands.hpp"

#include <algorithm>
#include <utility>

#include "harness/oracle/any_order.hpp"

namespace foldconv::cudnn {
namespace {

using Shared = std::shared_ptr<const harness::DeviceBuffer>;

Shared upload(DataType dtype, const std::vector<float>& values) {
  return std::make_shared<const harness::DeviceBuffer>(oracle::encode(dtype, values));
}

// KCRS to KRSC.
std::vector<float> channels_last(const ConvProblem& problem, const std::vector<float>& weights) {
  const auto channels = static_cast<std::size_t>(problem.c / problem.groups);
  const auto taps = static_cast<std::size_t>(problem.r) * static_cast<std::size_t>(problem.s);
  std::vector<float> turned(weights.size());
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const std::size_t tap = i % taps, channel = i / taps % channels, k = i / taps / channels;
    turned[(k * taps + tap) * channels + channel] = weights[i];
  }
  return turned;
}

std::vector<float> stored_as(DataType dtype, const std::vector<float>& values) {
  return oracle::decode(dtype, oracle::encode(dtype, values));
}

bool differs(const std::vector<float>& values, float from) {
  return std::ranges::any_of(values, [from](float value) { return value != from; });
}

void* data_of(const harness::DeviceBuffer* buffer) {
  return buffer != nullptr ? buffer->data() : nullptr;
}

}  // namespace

Parameters parameters_of(const FoldedConv& folded) {
  const auto copy = [](std::span<const float> values) {
    return std::vector<float>(values.begin(), values.end());
  };
  return {copy(folded.weights()), copy(folded.scale()), copy(folded.bias())};
}

oracle::Expected Operands::expected(int distinct, std::vector<float> x,
                                    std::vector<float> residual) const {
  ConvProblem of_distinct = problem;
  of_distinct.n = distinct;
  return oracle::conv_in_any_order(of_distinct, {.x = std::move(x),
                                                 .weights = values->weights,
                                                 .scale = values->scale,
                                                 .bias = values->bias,
                                                 .residual = std::move(residual)});
}

void Operands::run(const ConvEngine& engine, const harness::DeviceBuffer& x,
                   const harness::DeviceBuffer* residual, const harness::DeviceBuffer& y,
                   void* workspace, cudaStream_t stream) const {
  engine.run({.x = x.data(),
              .weights = weights->data(),
              .scale = data_of(scale.get()),
              .bias = data_of(bias.get()),
              .residual = problem.residual ? data_of(residual) : nullptr,
              .y = y.data(),
              .workspace = workspace},
             stream);
}

std::string Operands::name_of(const ConvEngine& engine) const {
  if (epilogue.vectors == DataType::f32) return engine.name;
  return engine.name + "_" + to_string(epilogue.vectors) + "_bias";
}

std::vector<Operands> operands_of(const ConvProblem& problem, const Parameters& parameters,
                                  bool exact) {
  Operands made{
      .problem = problem,
      .epilogue = {.scale = differs(parameters.scale, 1), .bias = differs(parameters.bias, 0)},
      .values = {},
      .weights = upload(problem.dtype, channels_last(problem, parameters.weights)),
      .scale = {},
      .bias = {}};
  std::vector<DataType> forms = {DataType::f32};
  const bool has_vectors = made.epilogue.scale || made.epilogue.bias;
  if (!exact && has_vectors && problem.dtype != DataType::f32) forms.push_back(problem.dtype);
  std::vector<Operands> all;
  for (const DataType vectors : forms) {
    made.epilogue.vectors = vectors;
    made.values = std::make_shared<Parameters>(Parameters{parameters.weights,
                                                          stored_as(vectors, parameters.scale),
                                                          stored_as(vectors, parameters.bias)});
    if (made.epilogue.scale) made.scale = upload(vectors, parameters.scale);
    if (made.epilogue.bias) made.bias = upload(vectors, parameters.bias);
    all.push_back(made);
  }
  return all;
}

}  // namespace foldconv::cudnn
