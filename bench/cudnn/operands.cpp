// SPDX-License-Identifier: MIT
#include "cudnn/operands.hpp"

#include <algorithm>
#include <utility>

#include "harness/oracle/any_order.hpp"
#include "harness/problem/data.hpp"

namespace foldconv::cudnn {
namespace {

using harness::DeviceBuffer;
using Shared = std::shared_ptr<const DeviceBuffer>;

Shared upload(DataType dtype, const std::vector<float>& values) {
  return std::make_shared<const DeviceBuffer>(oracle::encode(dtype, values));
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

void* data_of(const DeviceBuffer* buffer) {
  return buffer != nullptr ? buffer->data() : nullptr;
}

}  // namespace

oracle::Expected Operands::expected(int distinct, std::vector<float> x,
                                    std::vector<float> residual) const {
  ConvProblem of_distinct = problem;
  of_distinct.n = distinct;
  oracle::ConvInputs inputs = *values;
  inputs.x = std::move(x);
  inputs.residual = std::move(residual);
  return oracle::conv_in_any_order(of_distinct, inputs);
}

void Operands::run(const ConvEngine& engine, const DeviceBuffer& x, const DeviceBuffer* residual,
                   const DeviceBuffer& y, void* workspace, cudaStream_t stream) const {
  engine.run({.x = x.data(),
              .weights = weights->data(),
              .scale = data_of(scale.get()),
              .bias = data_of(bias.get()),
              .residual = data_of(residual),
              .y = y.data(),
              .workspace = workspace},
             stream);
}

std::string Operands::name_of(const ConvEngine& engine) const {
  if (epilogue.vectors == DataType::f32) return engine.name;
  return engine.name + "_" + to_string(epilogue.vectors) + "_bias";
}

std::vector<Operands> operands_of(const ConvProblem& problem, const FoldedConv& folded,
                                  bool exact) {
  const oracle::ConvInputs given = harness::inputs_of(folded);
  const auto other_than = [](float common) { return [common](float v) { return v != common; }; };
  const Epilogue epilogue{.scale = std::ranges::any_of(given.scale, other_than(1)),
                          .bias = std::ranges::any_of(given.bias, other_than(0))};
  const Shared weights = upload(problem.dtype, channels_last(problem, given.weights));
  std::vector<Operands> all;
  const auto add = [&](DataType vectors) {
    Operands form{problem, epilogue, {}, weights, {}, {}};
    form.epilogue.vectors = vectors;
    oracle::ConvInputs stored = given;
    for (std::vector<float>* values : {&stored.scale, &stored.bias}) {
      *values = oracle::decode(vectors, oracle::encode(vectors, *values));
    }
    if (epilogue.scale) form.scale = upload(vectors, stored.scale);
    if (epilogue.bias) form.bias = upload(vectors, stored.bias);
    form.values = std::make_shared<const oracle::ConvInputs>(std::move(stored));
    all.push_back(std::move(form));
  };
  add(DataType::f32);
  const bool has_vectors = epilogue.scale || epilogue.bias;
  if (!exact && has_vectors && problem.dtype != DataType::f32) add(problem.dtype);
  return all;
}

}  // namespace foldconv::cudnn
