// SPDX-License-Identifier: MIT
// A plan of a network and the memory of its runs.
#pragma once

#include <span>
#include <vector>

#include "foldconv/network.hpp"
#include "harness/device/buffer.hpp"

namespace foldconv::harness {

// Move-only. Everything but the inputs is poison before the first run.
class NetworkRun {
 public:
  // Throws Error: inputs of another number or size than the plan's; no memory.
  NetworkRun(const NetworkPlan& plan, const std::vector<Bytes>& inputs);

  const NetworkPlan& plan() const { return plan_; }
  void launch(cudaStream_t stream) const;  // only launches
  // One run to its end. Throws Error: what fails, and writes outside of the outputs and the workspace.
  void run() const;
  Bytes output(std::size_t index) const;
  std::vector<float> floats(std::size_t index) const;  // of outputs as f32

 private:
  NetworkPlan plan_;
  std::vector<DeviceBuffer> inputs_, outputs_;
  DeviceBuffer workspace_;
};

}  // namespace foldconv::harness
