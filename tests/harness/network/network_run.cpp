// SPDX-License-Identifier: MIT
#include "harness/network/network_run.hpp"

#include <algorithm>
#include <string>

#include "harness/error.hpp"
#include "harness/oracle/rounding.hpp"

namespace foldconv::harness {

NetworkRun::NetworkRun(const NetworkPlan& plan, const std::vector<Bytes>& inputs)
    : plan_(plan), workspace_(plan.workspace_bytes()) {
  if (inputs.size() != plan.inputs()) {
    throw Error(ErrorCode::invalid_argument, "another number of inputs than the network has: " +
                                                 std::to_string(inputs.size()) + " of " +
                                                 std::to_string(plan.inputs()));
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].size() != plan.input_bytes(i)) {
      throw Error(ErrorCode::invalid_argument,
                  "input " + std::to_string(i) + " " + to_string(plan.input_extents(i)) + " has " +
                      std::to_string(plan.input_bytes(i)) + " bytes, not " +
                      std::to_string(inputs[i].size()));
    }
    inputs_.emplace_back(std::span(inputs[i]));
  }
  for (std::size_t i = 0; i < plan.outputs(); ++i) outputs_.emplace_back(plan.output_bytes(i));
}

void NetworkRun::launch(cudaStream_t stream) const {
  NetworkBuffers buffers{.workspace = workspace_.data(),
                         .workspace_bytes = workspace_.bytes()};
  for (const DeviceBuffer& input : inputs_) buffers.inputs.push_back(input.data());
  for (const DeviceBuffer& output : outputs_) buffers.outputs.push_back(output.data());
  check(plan_.run(buffers, stream));
}

void NetworkRun::run() const {
  launch(nullptr);
  check(cudaDeviceSynchronize(), "running the network");
  const auto intact = [](const DeviceBuffer& buffer) { return buffer.intact(); };
  if (!std::ranges::all_of(inputs_, intact) || !std::ranges::all_of(outputs_, intact) ||
      !workspace_.intact()) {
    throw Error(ErrorCode::cuda_error, "the network wrote outside of its outputs and workspace");
  }
}

Bytes NetworkRun::output(std::size_t index) const {
  return outputs_[index].download();
}

std::vector<float> NetworkRun::floats(std::size_t index) const {
  return oracle::decode(DataType::f32, output(index));
}

}  // namespace foldconv::harness
