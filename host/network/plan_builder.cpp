// SPDX-License-Identifier: MIT
#include "network/plan_builder.hpp"

#include <algorithm>
#include <limits>

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
  if (network_->parts_in_place) {
    parts_ = ChannelParts(
        graph_, [&](int value) { return extents_of(value); }, part_alignment());
    buffers_.resize(parts_.buffers().size());
  }
  std::size_t best = 0;  // images that leave n open, then whatever does, then images
  for (std::size_t i = 0; i < inputs->size(); ++i) {
    const int value = graph_.inputs[i];
    inputs_.push_back({name_of(value), (*inputs)[i], 0, batched(value)});
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

const GraphNode* PlanBuilder::only_reader(int value) const {
  const auto is_value = [&](const GraphOutput& output) { return output.value == value; };
  if (options_.keep_all || std::ranges::any_of(graph_.outputs, is_value) ||
      std::ranges::count(options_.keep, name_of(value)) > 0)
    return nullptr;
  const GraphNode* reader = nullptr;
  for (const GraphNode& each : graph_.nodes) {
    const auto uses = std::ranges::count(each.inputs, value);
    if (uses == 0) continue;
    if (reader != nullptr || uses > 1) return nullptr;
    reader = &each;
  }
  return reader;
}

void PlanBuilder::set_pixels(int place, const PixelFormat& format) {
  const int value = node().output;
  set({.place = place, .extents = extents_of(value), .order = channels_last_order(4)});
  pixels_.emplace(value, format);
}

const PixelFormat* PlanBuilder::pixels_of(int value) const {
  const auto found = pixels_.find(value);
  return found == pixels_.end() ? nullptr : &found->second;
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
  if (as_it_is.dense() && as_it_is.lies_in(order))
    return Placed{as_it_is.place, as_it_is.extents, order};
  const auto found = copies_.find({value, order});
  if (found != copies_.end()) return found->second;
  Result<Placed> copy = new_tensor(as_it_is.extents, order);
  if (!copy.ok()) return copy.status();
  if (Status status = add_copy(value, as_it_is, *copy, dtype(), dtype(), "layout"); !status.ok())
    return status;
  copies_.emplace(std::pair(value, order), *copy);
  return copy;
}

Result<Placed> PlanBuilder::part_in_order(int value, const AxisOrder& order) {
  const Placed& as_it_is = place_of(value);
  return as_it_is.order == order ? as_it_is : in_order(value, order);
}

std::optional<Placed> PlanBuilder::channels_of(const Placed& x, std::int64_t begin,
                                               std::int64_t count) const {
  if (!network_->parts_in_place || x.order != channels_last_order(4)) return std::nullopt;
  const std::int64_t pitch = x.pitch != 0 ? x.pitch : x.extents[1];
  if (count == 0 || begin % part_alignment() != 0 || pitch % part_alignment() != 0 ||
      pitch > std::numeric_limits<int>::max())
    return std::nullopt;
  Placed part = x;
  part.extents[1] = count;
  part.pitch = count == pitch ? 0 : static_cast<int>(pitch);
  part.offset += begin;
  return part;
}

Result<Placed> PlanBuilder::part_of_buffer(const ChannelParts::Home& home, Extents extents) {
  const auto index = static_cast<std::size_t>(home.buffer);
  Buffer& buffer = buffers_[index];
  if (buffer.tensor.place < 0) {
    const ConcatBuffer& planned = parts_.buffers()[index];
    Result<Placed> tensor = new_tensor(extents_of(planned.value), channels_last_order(4));
    if (!tensor.ok()) return tensor.status();
    buffer = {std::move(*tensor), std::vector<bool>(planned.parts.size())};
  }
  return *channels_of(buffer.tensor, home.offset, extents[1]);
}

Result<Placed> PlanBuilder::make_part(AxisOrder order) {
  const std::optional<ChannelParts::Home> home = parts_.home_of(node().output);
  if (!home || order != channels_last_order(4)) return make(std::move(order));
  Result<Placed> part = part_of_buffer(*home, extents_of(node().output));
  if (!part.ok()) return part;
  const auto index = static_cast<std::size_t>(home->buffer);
  const std::vector<ConcatBuffer::Part>& parts = parts_.buffers()[index].parts;
  const auto found = std::ranges::find(parts, home->offset, &ConcatBuffer::Part::offset);
  buffers_[index].written[static_cast<std::size_t>(found - parts.begin())] = true;
  ++in_place_;
  return part;
}

std::optional<Result<Placed>> PlanBuilder::make_concat(std::vector<MissingPart>& missing) {
  const std::optional<ChannelParts::Home> home = parts_.home_of(node().output);
  if (!home) return std::nullopt;
  const auto index = static_cast<std::size_t>(home->buffer);
  // Where nothing is there yet, and the parts lie in another order, what reads them may want that order.
  if (buffers_[index].tensor.place < 0 && std::ranges::any_of(node().inputs, [&](int part) {
        return place_of(part).order != channels_last_order(4);
      }))
    return std::nullopt;
  Result<Placed> y = part_of_buffer(*home, extents_of(node().output));
  if (!y.ok()) return y;
  const std::int64_t end = home->offset + y->extents[1];
  const std::vector<ConcatBuffer::Part>& parts = parts_.buffers()[index].parts;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].offset < home->offset || parts[i].offset >= end) continue;
    if (buffers_[index].written[i]) continue;
    missing.push_back({parts[i].from, parts[i].offset - home->offset});
    buffers_[index].written[i] = true;
    remark_copied(parts[i]);
  }
  return y;
}

void PlanBuilder::remark_copied(const ConcatBuffer::Part& part) {
  const std::int64_t channels = extents_of(part.from.value)[1];
  ++copied_[ChannelParts::why_copied(graph_, part, channels, part_alignment())];
}

void PlanBuilder::add_remarks() {
  int copied = 0;
  for (const auto& [why, count] : copied_) copied += count;
  if (in_place_ + copied == 0) return;
  const auto remark = [&](std::string what) {
    explanation_.remarks.push_back({"concat", std::move(what)});
  };
  remark(text(in_place_, " of ", in_place_ + copied, " parts are written in place"));
  for (const auto& [why, count] : copied_)
    remark(text(count, count == 1 ? " part is copied: " : " parts are copied: ", why));
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

int PlanBuilder::new_output(const GraphOutput& output, const Placed& tensor,
                            std::size_t element_bytes) {
  const std::size_t bytes = static_cast<std::size_t>(tensor.elements()) * element_bytes;
  outputs_.push_back({output.name, tensor.extents, bytes, batched(output.value)});
  return new_place({.kind = Place::Kind::output, .bytes = bytes, .index = outputs_.size() - 1});
}

void PlanBuilder::add_step(Work work, int value, const char* operation, const Spot& x,
                           const Spot& z, const Spot& y, int n, int scratch) {
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
  steps_.push_back({.work = std::move(work),
                    .n = n,
                    .batched = batched(value),
                    .x = x,
                    .z = z,
                    .y = y,
                    .scratch = scratch});
}

bool PlanBuilder::makes_gates(int value) const {
  return std::ranges::any_of(graph_.nodes, [&](const GraphNode& each) {
    return as<op::Gate>(each) != nullptr && each.inputs[0] == value;
  });
}

void PlanBuilder::add_sums(int value, std::size_t bytes) {
  const int place = new_scratch(bytes);
  sums_.emplace(value, place);
  steps_.back().sums = place;
  LaunchFigures& launch = explanation_.steps.back().launches.front();
  LaunchCost cost = launch;
  cost.dram_bytes += double(bytes);
  cost.l2_bytes += double(bytes);
  launch = {cost, std::move(launch.kernel), floor_seconds(cost, network_->speed) * 1e6,
            limit_of(cost, network_->speed)};
}

Status PlanBuilder::add_layer(const Result<Layer>& layer, const Spot& x, const Spot& z,
                              const Placed& y, int n) {
  if (!layer.ok()) return layer.status();
  set(y);
  add_step(*layer, node().output, to_string(node().operation), x, z, y,
           n > 0 ? n : first_extent(y));
  return {};
}

Status PlanBuilder::add_copy(int value, const Placed& x, const Placed& y, DataType from,
                             DataType to, const char* operation) {
  const bool images = batched(value) && y.order[0] == 0;
  const Result<Layer> layer =
      plan_copy({.from = from, .to = to, .axes = copy_axes(x, y), .batched = images});
  if (!layer.ok()) return layer.status();
  add_step(*layer, value, operation, x, -1, y, first_extent(y));
  return {};
}

Status PlanBuilder::keep_tensors() {
  const auto in_arena = [&](int value) {
    const int place = place_of(value).place;
    return place >= 0 && places_[static_cast<std::size_t>(place)].kind == Place::Kind::arena;
  };
  // A part of another tensor as a tensor of its own.
  const auto keep = [&](const std::string& name, int value) -> Status {
    Result<Placed> whole = in_order(value, place_of(value).order);
    if (whole.ok()) kept_.emplace(name, std::move(*whole));
    return whole.ok() ? Status() : whole.status();
  };
  if (options_.keep_all) {
    for (const GraphNode& each : graph_.nodes) {
      if (!in_arena(each.output)) continue;
      if (Status status = keep(name_of(each.output), each.output); !status.ok()) return status;
    }
  }
  for (const std::string& name : options_.keep) {
    const auto found = graph_.names.find(name);
    if (found == graph_.names.end()) {
      return invalid("no tensor of the name to keep", text('"', name, '"'),
                     "see the plan's explanation: what is part of another step has no name there; "
                     "a network without fusion and without blocks has more of them");
    }
    if (!in_arena(found->second)) {
      return invalid("a tensor to keep is a constant", text('"', name, '"'),
                     "it is what the graph says");
    }
    if (Status status = keep(name, found->second); !status.ok()) return status;
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
    for (const int place :
         {step.x.place, step.z.place, step.y.place, step.scratch, step.gate, step.sums})
      touch(place, i);
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
  add_remarks();
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
