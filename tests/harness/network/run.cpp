// SPDX-License-Identifier: MIT
#include "harness/network/run.hpp"

#include <cstring>

#include "harness/error.hpp"

namespace foldconv::harness {

NetworkBuffersOfPlan::NetworkBuffersOfPlan(const NetworkPlan& plan,
                                           const std::vector<Bytes>& inputs, Guards guards)
    : workspace_(plan.workspace_bytes(), guards) {
  for (const Bytes& input : inputs) inputs_.emplace_back(input, guards);
  for (std::size_t i = 0; i < plan.outputs(); ++i)
    outputs_.emplace_back(plan.output_bytes(i), guards);
}

NetworkBuffers NetworkBuffersOfPlan::buffers(int images) const {
  NetworkBuffers result = {
      .workspace = workspace_.data(), .workspace_bytes = workspace_.bytes(), .images = images};
  for (const DeviceBuffer& input : inputs_) result.inputs.push_back(input.data());
  for (const DeviceBuffer& output : outputs_) result.outputs.push_back(output.data());
  return result;
}

void NetworkBuffersOfPlan::poison() const {
  workspace_.poison();
  for (const DeviceBuffer& output : outputs_) output.poison();
}

std::vector<Bytes> NetworkBuffersOfPlan::outputs() const {
  std::vector<Bytes> result;
  for (const DeviceBuffer& output : outputs_) result.push_back(output.download());
  return result;
}

bool NetworkBuffersOfPlan::intact(const std::vector<Bytes>& inputs) const {
  if (!workspace_.intact()) return false;
  for (const DeviceBuffer& output : outputs_) {
    if (!output.intact()) return false;
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs_[i].intact() || inputs_[i].download() != inputs[i]) return false;
  }
  return true;
}

NetworkResult run_network(const NetworkPlan& plan, const std::vector<Bytes>& inputs, int images) {
  const NetworkBuffersOfPlan memory(plan, inputs);
  check(plan.run(memory.buffers(images)), "the network's run");
  check(cudaDeviceSynchronize(), "the network's kernels");
  if (!memory.intact(inputs)) {
    throw Error(ErrorCode::cuda_error, "the network wrote to an input, or outside its buffers");
  }
  return {memory.outputs(), memory.workspace()};
}

std::vector<float> floats(const Bytes& bytes) {
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
  return values;
}

Bytes bytes_of(const std::vector<float>& values) {
  const auto bytes = std::as_bytes(std::span(values));
  return {bytes.begin(), bytes.end()};
}

}  // namespace foldconv::harness
