// SPDX-License-Identifier: MIT
// Squeeze and excite's gates: the mean of each channel through two linear layers, as one launch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/device_memory.hpp"
#include "foldconv/activation.hpp"
#include "foldconv/fold.hpp"
#include "layer/layer.hpp"

namespace foldconv::host {

// The two layers' weights on the current device: c -> hidden -> outputs.
struct GateWeights {
  DataType dtype;
  int c, hidden, outputs;
  DeviceMemory memory;  // weights, scale, bias of squeeze, then of excite

  // Of 1x1 convolutions, the first's outputs the second's inputs.
  static Result<GateWeights> create(const FoldedConv& squeeze, const FoldedConv& excite);
};

// "" if the kernel takes layers of such widths; else the rule, the value and the nearest legal one.
std::string gate_rule(DataType dtype, std::int64_t c, std::int64_t hidden);

struct GateProblem {
  int n = 1;
  int h = 1, w = 1;  // the map that the means are of
  // x: sums of the map's tiles in their canonical order, fp32 [n][tiles][c] (tile/mean_order.hpp). Else the means, as
  // plan_pool() makes them.
  bool from_sums = false;
  Activation squeeze = Activation::none, excite = Activation::none;
};

// y: [n][outputs]. The bits of plan_pool() and of two 1x1 convolutions by sm80's instructions. `weights` must outlive the
// layer. Errors: unsupported (gate_rule()), device_too_old, cuda_error.
Result<Layer> plan_gate(const GateProblem& problem, const GateWeights& weights);

}  // namespace foldconv::host
