// SPDX-License-Identifier: MIT
// What a Network holds: the fused graph, without the host's weights, and what each of its nodes has on the device.
#pragma once

#include <variant>
#include <vector>

#include "base/device.hpp"
#include "base/device_memory.hpp"
#include "base/internals.hpp"
#include "foldconv/block.hpp"
#include "foldconv/conv.hpp"
#include "foldconv/network.hpp"
#include "graph/graph_data.hpp"
#include "layer/gate.hpp"

namespace foldconv {

namespace host {

// Scale and shift of a BatchNorm that is a launch of its own.
struct AffineArrays {
  DeviceMemory memory;
  const float* scale() const { return static_cast<const float*>(memory.part(0)); }
  const float* shift() const { return static_cast<const float*>(memory.part(1)); }
};

// A constant that is an operand, in the storage type.
struct DeviceConstant {
  DeviceMemory memory;
};

// Of a convolution, stem or linear layer; a run of blocks; a BatchNorm; an op::Known; an op::Gate.
using Prepared =
    std::variant<std::monostate, Conv, Stage, AffineArrays, DeviceConstant, GateWeights>;

// Folds and copies to the current device what the node needs there; its host weights go. Errors: those of fold(), Conv,
// Block and Stage.
Result<Prepared> prepare(GraphNode& node, DataType dtype);

}  // namespace host

struct Network::Data {
  DataType dtype;
  int device;
  host::DeviceFigures figures;
  DeviceSpeed speed;
  host::GraphData graph;
  std::vector<host::Prepared> prepared;  // one a node
  NetworkExplanation explanation;
  bool parts_in_place =
      true;  // concatenations and slices of channels are no steps where they can be none
};

namespace host {
using NetworkData = DataOf<Network>;
}

}  // namespace foldconv
