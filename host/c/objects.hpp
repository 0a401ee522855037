// SPDX-License-Identifier: MIT
// What stands behind the opaque types of foldconv.h.
#pragma once

#include "foldconv.h"
#include "foldconv/graph.hpp"
#include "foldconv/network.hpp"

struct fc_graph {
  foldconv::Graph graph;
};

struct fc_network {
  foldconv::Network network;
  foldconv::DataType dtype;
};

struct fc_plan {
  foldconv::NetworkPlan plan;
  foldconv::DataType dtype;  // the network's
};

struct fc_cuda_graph {
  foldconv::CudaGraph graph;
};
