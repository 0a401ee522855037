// SPDX-License-Identifier: MIT
// What a NetworkPlan holds: steps, and the places of tensors.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "foldconv/block.hpp"
#include "foldconv/conv.hpp"
#include "foldconv/network.hpp"
#include "layer/layer.hpp"
#include "network/placed.hpp"
#include "network/plan_view.hpp"
#include "network/prepared.hpp"

namespace foldconv {

namespace host {

// Where a tensor lies.
struct Place {
  enum class Kind { arena, input, output, constant } kind = Kind::arena;
  std::size_t bytes = 0;
  std::size_t offset = 0;          // in the arena
  std::size_t index = 0;           // of inputs and outputs
  const void* constant = nullptr;  // on the device
};

// Where an operand of a step begins: in a place, so many elements of the network's type behind its begin.
struct Spot {
  int place = -1;  // none
  std::int64_t offset = 0;
  Spot(int whole) : place(whole) {}
  Spot(const Placed& tensor) : place(tensor.place), offset(tensor.offset) {}
};

struct PlannedStep {
  std::variant<ConvPlan, BlockPlan, Layer> work;
  int n;  // images of `work`, as it was planned: the plan's, or rows that a linear layer makes of them
  bool batched;      // n grows with the run's images
  Spot x, z, y;      // z: a second operand, or none
  int scratch = -1;  // a place that only this step needs
  int gate = -1;     // of a gated convolution
  int sums = -1;     // that a convolution makes beside y
};

}  // namespace host

struct NetworkPlan::Data {
  std::shared_ptr<const host::NetworkData> network;  // keeps the weights
  int n;
  std::vector<host::PlannedStep> steps;
  std::vector<host::Place> places;
  std::vector<host::Port> inputs, outputs;
  std::size_t arena_bytes;
  host::KeptTensors kept;
  std::string fixed_batch;  // why runs of fewer images are not taken; "" if they are
  NetworkPlanExplanation explanation;
};

namespace host {
using NetworkPlanData = DataOf<NetworkPlan>;

// Errors: as Network::plan().
Result<NetworkPlanData> plan_network(std::shared_ptr<const NetworkData> network,
                                     const NetworkPlanOptions& options);

// What run() looks at before it launches: the number of its images. Errors: as NetworkPlan::run().
Result<int> check_run(const NetworkPlan& plan, const NetworkBuffers& buffers);
// Errors: invalid_argument: some are no longer on the device.
Status check_weights(const NetworkPlan& plan);

}  // namespace host

}  // namespace foldconv
