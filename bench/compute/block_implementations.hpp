// The ways to compute residual blocks, as steps that are checked, counted and timed:
//   whole, tails, chain   the cuts that can be pinned, each one step: its kernels run as planned
//   planned                 what plan() takes, where that is a mixture of them
//   separate                each convolution by the kernel of the chain, without anything folded
//                           in, then BatchNorm, add and activation, a launch each
#pragma once

#include <memory>
#include <vector>

#include "compute/block_reference.hpp"
#include "compute/block_workload.hpp"
#include "compute/layer_steps.hpp"
#include "compute/step.hpp"

namespace foldconv::tool {

// What the steps read and write on the device.
struct BlockTensors {
  DeviceBuffer x, y, workspace;
  // Of the separate steps; pointers, because steps keep addresses.
  std::vector<std::unique_ptr<DeviceBuffer>> intermediates;
  std::vector<std::unique_ptr<DeviceBatchNorm>> batch_norms;
};

// All arguments must outlive the result. Errors: those of the library's calls; a cut that does not
// take the blocks is an implementation with its refusal and no steps.
Result<std::vector<Implementation>> make_block_implementations(const BlockWorkload& workload,
                                                               const std::vector<Block>& blocks,
                                                               const BlockReference& reference,
                                                               BlockTensors& tensors);

}  // namespace foldconv::tool
