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
#include "network/channel_parts.hpp"
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
  const DeviceFigures& device() const { return network_->figures; }
  // Of a convolution of the network: sm90, where that is asked for, only where it takes it.
  PlanOptions conv_options(const ConvProblem& problem) const;

  // The node whose steps are added.
  void begin(std::size_t index) { node_ = index; }
  const GraphNode& node() const { return graph_.nodes[node_]; }
  const Prepared& prepared() const { return network_->prepared[node_]; }
  const Prepared& prepared_of(const GraphNode& node) const {
    return network_->prepared[static_cast<std::size_t>(&node - graph_.nodes.data())];
  }
  int input(std::size_t i = 0) const { return node().inputs[i]; }

  Extents extents_of(int value) const;
  // The node that reads `value`, if it is the only one, and the value is neither an output nor kept; else null.
  const GraphNode* only_reader(int value) const;
  // Whether images of the tensor are images of the run.
  bool batched(int value) const {
    return uses_[static_cast<std::size_t>(value)] == BatchUse::images;
  }

  const Placed& place_of(int value) const { return placed_[static_cast<std::size_t>(value)]; }
  // `value` in that order, dense: as it lies, or copied.
  Result<Placed> in_order(int value, const AxisOrder& order);
  // `value` as NHWC, dense.
  Result<Placed> images(int value) { return in_order(value, channels_last_order(4)); }
  // The same for steps that read with a pitch: a part of a tensor is not copied.
  Result<Placed> part_in_order(int value, const AxisOrder& order);
  Result<Placed> part_images(int value) { return part_in_order(value, channels_last_order(4)); }

  // What the node makes: a place for it, in memory in that order; and that it lies there.
  Result<Placed> make(AxisOrder order);
  // The same for steps that write with a pitch: the part of a concatenation that it is to be, if it is to be one.
  Result<Placed> make_part(AxisOrder order);
  void set(Placed placed) { placed_[static_cast<std::size_t>(node().output)] = std::move(placed); }
  // Of no value: between two steps of the node.
  Result<Placed> new_tensor(Extents extents, AxisOrder order);
  // The node is an input whose only reader takes pixels: no tensor is made of them.
  void set_pixels(int place, const PixelFormat& format);
  // Of such an input; else null.
  const PixelFormat* pixels_of(int value) const;

  // Some channels of an NHWC tensor, where they can be read as a part of it.
  std::optional<Placed> channels_of(const Placed& x, std::int64_t begin, std::int64_t count) const;
  // The node is a concatenation of images: lies where it is to lie, if that has a home. What is missing there: `missing`.
  struct MissingPart {
    ChannelRange from;
    std::int64_t offset;  // in y's channels
  };
  std::optional<Result<Placed>> make_concat(std::vector<MissingPart>& missing);

  int new_place(Place place);
  int new_scratch(std::size_t bytes) { return bytes == 0 ? -1 : new_place({.bytes = bytes}); }
  std::size_t bytes_of(int place) const { return places_[static_cast<std::size_t>(place)].bytes; }

  // Places of the caller's buffers.
  Result<int> new_input(std::size_t index, std::size_t element_bytes);
  int new_output(const GraphOutput& output, const Placed& tensor, std::size_t element_bytes);

  // `value`: whose name the step has, and whose batch it runs. `n`: images that `work` was planned for.
  void add_step(Work work, int value, const char* operation, const Spot& x, const Spot& z,
                const Spot& y, int n, int scratch = -1);
  // The last step reads a gate.
  void add_gate(int place) { steps_.back().gate = place; }

  // Whether gates are made of the means of `value`.
  bool makes_gates(int value) const;
  // The last step, which makes `value`, also makes sums of its channels, in a place of its own.
  void add_sums(int value, std::size_t bytes);
  // That place, or -1.
  int sums_of(int value) const {
    const auto found = sums_.find(value);
    return found == sums_.end() ? -1 : found->second;
  }
  // Of a layer that makes y, what the node makes. `n`: 0 for y's first extent.
  Status add_layer(const Result<Layer>& layer, const Spot& x, const Spot& z, const Placed& y,
                   int n = 0);
  // All of x into y, as y lies. `value`: what x is.
  Status add_copy(int value, const Placed& x, const Placed& y, DataType from, DataType to,
                  const char* operation);

 private:
  // Of a concatenation that has memory of its own.
  struct Buffer {
    Placed tensor;              // no place: nothing was written yet
    std::vector<bool> written;  // of each part
  };

  int part_alignment() const { return static_cast<int>(kAlignmentBytes / size_of(dtype())); }
  Result<Placed> part_of_buffer(const ChannelParts::Home& home, Extents extents);
  void remark_copied(const ConcatBuffer::Part& part);
  void add_remarks();
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
  std::map<int, PixelFormat> pixels_;  // of inputs without a tensor
  std::map<int, int> sums_;            // places of values' sums
  std::vector<Place> places_;
  std::vector<PlannedStep> steps_;
  std::map<std::string, Placed> kept_;
  ChannelParts parts_;
  std::vector<Buffer> buffers_;        // of parts_.buffers()
  std::map<std::string, int> copied_;  // parts of buffers, by why they are copied
  int in_place_ = 0;                   // parts of buffers that what makes them has written there
  NetworkPlanExplanation explanation_;
};

// What several operations ask of a tensor.
Images images_of(const Placed& nhwc);
int first_extent(const Placed& tensor);
// One axis each, in the order of y's memory: all of x, to where it lies in y.
std::vector<CopyAxis> copy_axes(const Placed& x, const Placed& y);

}  // namespace foldconv::host
