// SPDX-License-Identifier: MIT
// A plan while it is made: extents, tensors and their places, and steps so far.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "foldconv/network.hpp"
#include "layer/copy.hpp"
#include "network/batch_use.hpp"
#include "network/memory_plan.hpp"
#include "network/placed.hpp"
#include "network/plan_data.hpp"
#include "network/prepared.hpp"

namespace foldconv::host {

class PlanBuilder {
 public:
  using Work = std::variant<ConvPlan, BlockPlan, Layer>;

  PlanBuilder(std::shared_ptr<const NetworkData> network, const NetworkPlanOptions& options)
      : network_(std::move(network)), graph_(network_->graph), options_(options) {}

  // Extents of all tensors. Errors: invalid_argument.
  Status evaluate();
  // Places of what the options keep. Errors: invalid_argument.
  Status keep_tensors();
  // The plan, its places laid out. The last call.
  NetworkPlanData finish();

  const NetworkPlanOptions& options() const { return options_; }
  DataType dtype() const { return network_->dtype; }
  // Of a convolution of the network: sm90, where that is asked for, only where it takes it.
  PlanOptions conv_options(const ConvProblem& problem) const;

  // The node whose steps are added.
  void begin(std::size_t index) { node_ = index; }
  const GraphNode& node() const { return graph_.nodes[node_]; }
  const Prepared& prepared() const { return network_->prepared[node_]; }
  int input(std::size_t i = 0) const { return node().inputs[i]; }

  Extents extents_of(int value) const;
  // Whether images of the tensor are images of the run.
  bool batched(int value) const {
    return uses_[static_cast<std::size_t>(value)] == BatchUse::images;
  }

  const Placed& place_of(int value) const { return placed_[static_cast<std::size_t>(value)]; }
  // `value` in that order: as it lies, or copied.
  Result<Placed> in_order(int value, const AxisOrder& order);
  // `value` as NHWC.
  Result<Placed> images(int value) { return in_order(value, channels_last_order(4)); }

  // What the node makes: a place for it, in memory in that order; and that it lies there.
  Result<Placed> make(AxisOrder order);
  void set(Placed placed) { placed_[static_cast<std::size_t>(node().output)] = std::move(placed); }

  int new_place(Place place);
  int new_scratch(std::size_t bytes) { return bytes == 0 ? -1 : new_place({.bytes = bytes}); }
  std::size_t bytes_of(int place) const { return places_[static_cast<std::size_t>(place)].bytes; }

  // Places of the caller's buffers.
  Result<int> new_input(std::size_t index, std::size_t element_bytes);
  int new_output(const std::string& name, const Placed& tensor, std::size_t element_bytes);

  // `value`: whose name the step has, and whose batch it runs. `n`: images that `work` was planned for.
  void add_step(Work work, int value, const char* operation, int x, int z, int y, int n,
                int scratch = -1);
  // Of a layer that makes y, what the node makes. `n`: 0 for y's first extent.
  Status add_layer(const Result<Layer>& layer, int x, int z, const Placed& y, int n = 0);
  // All of x into y, as y lies. `value`: what x is.
  Status add_copy(int value, const Placed& x, const Placed& y, DataType from, DataType to,
                  const char* operation);

 private:
  Result<Placed> new_tensor(Extents extents, AxisOrder order);
  std::vector<Lifetime> lifetimes() const;
  std::string fixed_batch() const;
  const std::string& name_of(int value) const {
    return graph_.values[static_cast<std::size_t>(value)].name;
  }

  std::shared_ptr<const NetworkData> network_;
  const GraphData& graph_;
  const NetworkPlanOptions& options_;

  std::vector<std::int64_t> open_;  // values of the graph's expressions
  std::vector<Port> inputs_, outputs_;
  std::vector<BatchUse> uses_;  // of each value
  bool open_batch_ = false;
  int n_ = 1;

  std::size_t node_ = 0;
  std::vector<Placed> placed_;  // of each value
  std::map<std::pair<int, AxisOrder>, Placed> copies_;
  std::vector<Place> places_;
  std::vector<PlannedStep> steps_;
  std::map<std::string, Placed> kept_;
  NetworkPlanExplanation explanation_;
};

// What several operations ask of a tensor.
Images images_of(const Placed& nhwc);
int first_extent(const Placed& tensor);
// One axis each, in the order of y's memory: all of x, to where it lies in y.
std::vector<CopyAxis> copy_axes(const Placed& x, const Placed& y);

}  // namespace foldconv::host
