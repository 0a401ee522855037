// SPDX-License-Identifier: MIT
// A network's plan, run once in memory of its own.
#pragma once

#include <cstddef>
#include <vector>

#include "foldconv/network.hpp"
#include "harness/device/buffer.hpp"

namespace foldconv::harness {

// Buffers of a plan: workspace and outputs poisoned, inputs filled.
class NetworkBuffersOfPlan {
 public:
  NetworkBuffersOfPlan(const NetworkPlan& plan, const std::vector<Bytes>& inputs,
                       Guards guards = Guards::shifted);

  NetworkBuffers buffers(int images = 0) const;
  void poison() const;  // workspace and outputs
  std::vector<Bytes> outputs() const;
  Bytes workspace() const { return workspace_.download(); }
  bool intact(const std::vector<Bytes>& inputs) const;  // guard bands and inputs

 private:
  std::vector<DeviceBuffer> inputs_, outputs_;
  DeviceBuffer workspace_;
};

struct NetworkResult {
  std::vector<Bytes> outputs;
  Bytes workspace;
};

// Throws Error if it does not run, or writes where it may not.
NetworkResult run_network(const NetworkPlan& plan, const std::vector<Bytes>& inputs,
                          int images = 0);

// fp32 values of an output, or of any bytes.
std::vector<float> floats(const Bytes& bytes);
Bytes bytes_of(const std::vector<float>& values);

}  // namespace foldconv::harness
