// SPDX-License-Identifier: MIT
// What a NetworkPlan knows of its tensors, without copies: it lives as long as a copy of the plan.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "foldconv/network.hpp"

namespace foldconv::host {

// An input or output of the caller's.
struct Port {
  std::string name;
  Extents extents;  // the model's
  std::size_t bytes;
  bool batched;  // a run of fewer images touches their part alone
};

using KeptTensors = std::map<std::string, KeptTensor, std::less<>>;

const std::vector<Port>& inputs_of(const NetworkPlan& plan) noexcept;
const std::vector<Port>& outputs_of(const NetworkPlan& plan) noexcept;
const KeptTensors& kept_of(const NetworkPlan& plan) noexcept;

}  // namespace foldconv::host
