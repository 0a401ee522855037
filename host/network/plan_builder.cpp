// SPDX-License-Identifier: MIT
#include "network/plan_builder.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/sizes.hpp"
#include "base/text.hpp"
#include "catalog/family.hpp"
#include "network/input_extents.hpp"
#include "network/memory_plan.hpp"

namespace foldconv::host {
namespace {

std::vector<LaunchFigures> figures_of(const PlanBuilder::Work& work, const DeviceSpeed& speed) {
  const auto one = [&](const LaunchCost& cost, std::string kernel) {
    return std::vector{LaunchFigures{cost, std::move(kernel), floor_seconds(cost, speed) * 1e6,
                                     limit_of(cost, speed)}};
  };
  if (const auto* conv = std::get_if<ConvPlan>(&work))
    return one(conv->explanation().cost, conv->explanation().kernel);
  if (const auto* blocks = std::get_if<BlockPlan>(&work))
    return blocks->explanation().chosen().launches;
  const Layer& layer = std::get<Layer>(work);
  return one(layer.cost(), layer.kernel());
}

// Values that a caller may have cast into an enum.
Status check_options(const NetworkPlanOptions& options) {
  const bool output = options.output <= NetworkPlanOptions::Output::storage;
  const bool pixels =
      options.input.type <= PixelType::f32 && options.input.layout <= PixelLayout::model;
  if (output && pixels && options.cut <= BlockCut::chain) return {};
  return invalid("an option of a plan is no value of its enum",
                 text("output ", int(options.output), ", type ", int(options.input.type),
                      ", layout ", int(options.input.layout), ", cut ", int(options.cut)),
                 "use the enums' names");
}

}  // namespace

Images images_of(const Placed& nhwc) {
  const auto extent = [&](std::size_t axis) { return static_cast<int>(nhwc.extents[axis]); };
  return {extent(0), extent(2), extent(3)};
}

int first_extent(const Placed& tensor) {
  return tensor.extents.empty() ? 1 : static_cast<int>(tensor.extents[0]);
}

std::vector<CopyAxis> copy_axes(const Placed& x, const Placed& y) {
  const std::vector<std::int64_t> from = x.strides(), to = y.strides();
  std::vector<CopyAxis> axes;
  for (const int index : y.order) {
    const auto axis = static_cast<std::size_t>(index);
    axes.push_back({.extent = y.extents[axis],
                    .y_stride = to[axis],
                    .x_stride = from[axis],
                    .x_begin = 0,
                    .x_extent = x.extents[axis],
                    .divide = 1});
  }
  if (axes.empty()) axes.push_back({.extent = 1, .y_stride = 1, .x_stride = 1, .x_extent = 1});
  return axes;
}

Status PlanBuilder::evaluate() {
  if (Status status = check_options(options_); !status.ok()) return status;
  if (Status status = check_instructions(options_.instructions, network_->figures); !status.ok())
    return status;
  const Result<std::vector<Extents>> inputs = input_extents(graph_, options_);
  if (!inputs.ok()) return inputs.status();
  Result<std::vector<std::int64_t>> values = graph_.table.evaluate(*inputs);
  if (!values.ok()) return values.status();
  open_ = std::move(*values);
  placed_.resize(graph_.values.size());
  uses_ = batch_uses(graph_);
  std::size_t best = 0;  // images that leave n open, then whatever does, then images
  for (std::size_t i = 0; i < inputs->size(); ++i) {
    const int value = graph_.inputs[i];
    inputs_.push_back({name_of(value), (*inputs)[i], 0});
    const std::size_t rank = (*inputs)[i].size();
    const std::size_t worth = (batched(value) ? 2u : 0u) + (rank == 4 ? 1u : 0u);
    if (worth <= best) continue;
    best = worth;
    open_batch_ = batched(value);
    n_ = static_cast<int>((*inputs)[i][0]);
  }
  return {};
}

PlanOptions PlanBuilder::conv_options(const ConvProblem& problem) const {
  const bool taken = options_.instructions != Instructions::sm90 || sm90_rule(problem).empty();
  return {.instructions = taken ? options_.instructions : Instructions::automatic};
}

Extents PlanBuilder::extents_of(int value) const {
  Extents extents = graph_.values[static_cast<std::size_t>(value)].extents;
  for (std::int64_t& d : extents) d = ExtentTable::value_of(d, open_);
  return extents;
}

int PlanBuilder::new_place(Place place) {
  places_.push_back(place);
  return static_cast<int>(places_.size()) - 1;
}

Result<Placed> PlanBuilder::new_tensor(Extents extents, AxisOrder order) {
  std::optional<std::int64_t> bytes = static_cast<std::int64_t>(size_of(dtype()));
  for (const std::int64_t d : extents) bytes = bytes ? checked_product({*bytes, d}) : bytes;
  constexpr std::int64_t kMostBytes =
      std::int64_t{1} << 44;  // of as many tensors as a graph has, sums do not overflow
  if (!bytes || *bytes > kMostBytes) {
    return invalid("a tensor has more than 2^44 bytes", to_string(extents),
                   "use a smaller batch or image");
  }
  const int place = new_place({.bytes = static_cast<std::size_t>(*bytes)});
  return Placed{place, std::move(extents), std::move(order)};
}

Result<Placed> PlanBuilder::make(AxisOrder order) {
  return new_tensor(extents_of(node().output), std::move(order));
}

Result<Placed> PlanBuilder::in_order(int value, const AxisOrder& order) {
  const Placed as_it_is = place_of(value);
  if (as_it_is.lies_in(order)) return Placed{as_it_is.place, as_it_is.extents, order};
  const auto found = copies_.find({value, order});
  if (found != copies_.end()) return found->second;
  Result<Placed> copy = new_tensor(as_it_is.extents, order);
  if (!copy.ok()) return copy.status();
  if (Status status = add_copy(value, as_it_is, *copy, dtype(), dtype(), "layout"); !status.ok())
    return status;
  copies_.emplace(std::pair(value, order), *copy);
  return copy;
}

Result<int> PlanBuilder::new_input(std::size_t index, std::size_t element_bytes) {
  Port& port = inputs_[index];
  std::optional<std::int64_t> bytes = static_cast<std::int64_t>(element_bytes);
  for (const std::int64_t d : port.extents) bytes = bytes ? checked_product({*bytes, d}) : bytes;
  if (!bytes) {
    return invalid("an input has 2^63 bytes or more", to_string(port.extents),
                   "use a smaller batch or image");
  }
  port.bytes = static_cast<std::size_t>(*bytes);
  return new_place({.kind = Place::Kind::input, .bytes = port.bytes, .index = index});
}

int PlanBuilder::new_output(const std::string& name, const Placed& tensor,
                            std::size_t element_bytes) {
  const std::size_t bytes = static_cast<std::size_t>(tensor.elements()) * element_bytes;
  outputs_.push_back({name, tensor.extents, bytes});
  return new_place({.kind = Place::Kind::output, .bytes = bytes, .index = outputs_.size() - 1});
}

void PlanBuilder::add_step(Work work, int value, const char* operation, int x, int z, int y, int n,
                           int scratch) {
  NetworkStep step;
  step.tensor = name_of(value);
  step.operation = operation;
  step.launches = figures_of(work, network_->speed);
  const auto take_instructions = [&](const auto& explanation) {
    step.instructions = explanation.instructions;
    step.instructions_reason = explanation.instructions_reason;
  };
  if (const auto* conv = std::get_if<ConvPlan>(&work)) take_instructions(conv->explanation());
  if (const auto* blocks = std::get_if<BlockPlan>(&work)) take_instructions(blocks->explanation());
  explanation_.steps.push_back(std::move(step));
  steps_.push_back({std::move(work), n, batched(value), x, z, y, scratch});
}

Status PlanBuilder::add_layer(const Result<Layer>& layer, int x, int z, const Placed& y, int n) {
  if (!layer.ok()) return layer.status();
  set(y);
  add_step(*layer, node().output, to_string(node().operation), x, z, y.place,
           n > 0 ? n : first_extent(y));
  return {};
}

Status PlanBuilder::add_copy(int value, const Placed& x, const Placed& y, DataType from,
                             DataType to, const char* operation) {
  const bool images = batched(value) && y.order[0] == 0;
  const Result<Layer> layer =
      plan_copy({.from = from, .to = to, .axes = copy_axes(x, y), .batched = images});
  if (!layer.ok()) return layer.status();
  add_step(*layer, value, operation, x.place, -1, y.place, first_extent(y));
  return {};
}

Status PlanBuilder::keep_tensors() {
  const auto in_arena = [&](const Placed& placed) {
    return placed.place >= 0 &&
           places_[static_cast<std::size_t>(placed.place)].kind == Place::Kind::arena;
  };
  if (options_.keep_all) {
    for (const GraphNode& each : graph_.nodes) {
      const Placed& placed = place_of(each.output);
      if (in_arena(placed)) kept_.emplace(name_of(each.output), placed);
    }
  }
  for (const std::string& name : options_.keep) {
    const auto found = graph_.names.find(name);
    if (found == graph_.names.end()) {
      return invalid("no tensor of the name to keep", text('"', name, '"'),
                     "see the plan's explanation: what is part of another step has no name there; "
                     "a network without fusion and without blocks has more of them");
    }
    const Placed& placed = place_of(found->second);
    if (!in_arena(placed)) {
      return invalid("a tensor to keep is a constant", text('"', name, '"'),
                     "it is what the graph says");
    }
    kept_.emplace(name, placed);
  }
  return {};
}

std::vector<Lifetime> PlanBuilder::lifetimes() const {
  std::vector<Lifetime> result;
  const int end = static_cast<int>(steps_.size());
  for (const Place& place : places_) result.push_back({place.bytes, end, -1});
  const auto touch = [&](int place, int step) {
    if (place < 0) return;
    Lifetime& life = result[static_cast<std::size_t>(place)];
    life.first = std::min(life.first, step);
    life.last = std::max(life.last, step);
  };
  for (int i = 0; i < end; ++i) {
    const PlannedStep& step = steps_[static_cast<std::size_t>(i)];
    for (const int place : {step.x, step.z, step.y, step.scratch}) touch(place, i);
  }
  for (const auto& [name, placed] : kept_) touch(placed.place, end);
  return result;
}

std::string PlanBuilder::fixed_batch() const {
  if (!open_batch_) return "the model fixes the batch";
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    if (batched(graph_.inputs[i]) && inputs_[i].extents[0] != n_)
      return text("input \"", inputs_[i].name, "\" has another n");
  }
  for (const GraphNode& each : graph_.nodes) {
    if (uses_[static_cast<std::size_t>(each.output)] == BatchUse::mixed)
      return text("in \"", name_of(each.output),
                  "\" images depend on each other, or are not the first extent");
  }
  return "";
}

NetworkPlanData PlanBuilder::finish() {
  std::vector<Lifetime> in_arena;
  std::vector<std::size_t> which;
  const std::vector<Lifetime> all = lifetimes();
  for (std::size_t i = 0; i < places_.size(); ++i) {
    if (places_[i].kind != Place::Kind::arena || all[i].last < 0) continue;
    in_arena.push_back(all[i]);
    which.push_back(i);
    explanation_.tensor_bytes += all[i].bytes;
  }
  const MemoryPlan memory = plan_memory(in_arena);
  for (std::size_t i = 0; i < which.size(); ++i) places_[which[i]].offset = memory.offsets[i];
  explanation_.workspace_bytes = memory.bytes;
  explanation_.asked = options_.instructions;
  explanation_.device = network_->speed.to_string();
  std::map<std::string, KeptTensor, std::less<>> kept;
  for (const auto& [name, placed] : kept_) {
    kept[name] = {places_[static_cast<std::size_t>(placed.place)].offset, dtype(), placed.extents,
                  placed.order};
  }
  std::string fixed = fixed_batch();
  return {std::move(network_), n_,
          std::move(steps_),   std::move(places_),
          std::move(inputs_),  std::move(outputs_),
          memory.bytes,        std::move(kept),
          std::move(fixed),    std::move(explanation_)};
}

}  // namespace foldconv::host
