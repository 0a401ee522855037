// SPDX-License-Identifier: MIT
// NetworkPlan: its run.
#include <algorithm>
#include <utility>
#include <variant>

#include "base/error.hpp"
#include "base/internals.hpp"
#include "base/text.hpp"
#include "base/trace.hpp"
#include "block/data.hpp"
#include "conv/arguments.hpp"
#include "conv/conv_data.hpp"
#include "foldconv/checked_runs.hpp"
#include "foldconv/network.hpp"
#include "network/plan_data.hpp"

namespace foldconv {

const std::vector<host::Port>& host::inputs_of(const NetworkPlan& plan) noexcept {
  return Internals::data(plan).inputs;
}
const std::vector<host::Port>& host::outputs_of(const NetworkPlan& plan) noexcept {
  return Internals::data(plan).outputs;
}
const host::KeptTensors& host::kept_of(const NetworkPlan& plan) noexcept {
  return Internals::data(plan).kept;
}

namespace {

using host::Buffer;
using host::guarded;
using host::invalid;
using host::NetworkPlanData;
using host::Place;
using host::PlannedStep;
using host::Spot;
using host::text;

template <class Pointer>
Status add_buffers(const NetworkPlanData& plan, const std::vector<host::Port>& ports,
                   const std::vector<Pointer>& pointers, int images, const char* what,
                   std::vector<Buffer>& buffers) {
  if (ports.size() != pointers.size()) {
    return invalid(text("another number of ", what, "s than the plan has"),
                   text(pointers.size(), ", the plan has ", ports.size()),
                   text("give ", ports.size()));
  }
  for (std::size_t i = 0; i < ports.size(); ++i) {
    const host::Port& port = ports[i];
    const auto bytes = static_cast<std::int64_t>(port.bytes);
    const bool some = port.batched && images != plan.n;
    buffers.push_back({port.name.c_str(), pointers[i], some ? bytes / plan.n * images : bytes});
  }
  return {};
}

Status check_network_buffers(const NetworkPlanData& plan, const NetworkBuffers& given, int images) {
  std::vector<Buffer> inputs, outputs;
  if (Status status = add_buffers(plan, plan.inputs, given.inputs, images, "input", inputs);
      !status.ok()) {
    return status;
  }
  if (Status status = add_buffers(plan, plan.outputs, given.outputs, images, "output", outputs);
      !status.ok()) {
    return status;
  }
  if (given.workspace_bytes < plan.arena_bytes) {
    return host::error(ErrorCode::workspace_too_small, "the workspace is too small",
                       text(given.workspace_bytes, " bytes"),
                       text("pass at least the plan's workspace_bytes() = ", plan.arena_bytes));
  }
  if (plan.arena_bytes > 0)
    outputs.push_back({"workspace", given.workspace, static_cast<std::int64_t>(plan.arena_bytes)});
  for (const auto* list : {&inputs, &outputs}) {
    for (const Buffer& buffer : *list) {
      if (Status status = host::check_pointer(buffer, kAlignmentBytes); !status.ok()) return status;
    }
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    for (const Buffer& input : inputs) {
      if (Status status = host::check_overlap(outputs[i], input, host::Overlap::never);
          !status.ok())
        return status;
    }
    for (std::size_t j = 0; j < i; ++j) {
      if (Status status = host::check_overlap(outputs[i], outputs[j], host::Overlap::never);
          !status.ok()) {
        return status;
      }
    }
  }
  return {};
}

Status check_there(const Conv& conv) {
  return host::Internals::data(conv).memory.check_there();
}
Status check_there(const host::AffineArrays& arrays) {
  return arrays.memory.check_there();
}
Status check_there(const host::DeviceConstant& constant) {
  return constant.memory.check_there();
}
Status check_there(const host::GateWeights& gate) {
  return gate.memory.check_there();
}
Status check_there(const Stage&) {
  return {};  // its plan, a step, knows its blocks
}
Status check_there(const std::monostate&) {
  return {};
}

// The pointers of one run.
class BoundPlaces {
 public:
  BoundPlaces(const NetworkPlanData& plan, const NetworkBuffers& buffers)
      : plan_(plan), buffers_(buffers) {}

  void* at(const Spot& spot) const {
    void* place = at(spot.place);
    if (spot.offset == 0) return place;
    const std::size_t bytes = size_of(plan_.network->dtype);
    return static_cast<std::byte*>(place) + static_cast<std::size_t>(spot.offset) * bytes;
  }
  void* at(int place) const {
    if (place < 0) return nullptr;
    const Place& in = plan_.places[static_cast<std::size_t>(place)];
    switch (in.kind) {
      case Place::Kind::arena:
        return static_cast<std::byte*>(buffers_.workspace) + in.offset;
      case Place::Kind::input:
        return const_cast<void*>(buffers_.inputs[in.index]);
      case Place::Kind::output:
        return buffers_.outputs[in.index];
      case Place::Kind::constant:
        return const_cast<void*>(in.constant);
    }
    return nullptr;
  }
  std::size_t bytes(int place) const {
    return place < 0 ? 0 : plan_.places[static_cast<std::size_t>(place)].bytes;
  }

 private:
  const NetworkPlanData& plan_;
  const NetworkBuffers& buffers_;
};

Status run_step(const PlannedStep& step, const BoundPlaces& places, int images,
                cudaStream_t stream) {
  const void *x = places.at(step.x), *z = places.at(step.z);
  void* y = places.at(step.y);
  if (const auto* conv = std::get_if<ConvPlan>(&step.work)) {
    return host::run_with_sums(
        *conv, {.x = x, .residual = z, .y = y, .images = images, .gate = places.at(step.gate)},
        static_cast<float*>(places.at(step.sums)), stream);
  }
  if (const auto* blocks = std::get_if<BlockPlan>(&step.work)) {
    return blocks->run({.x = x,
                        .y = y,
                        .workspace = places.at(step.scratch),
                        .workspace_bytes = places.bytes(step.scratch),
                        .images = images},
                       stream);
  }
  return std::get<host::Layer>(step.work).run({x, z, y}, images, stream);
}

}  // namespace

Status host::check_weights(const NetworkPlan& plan) {
  const NetworkPlanData& data = Internals::data(plan);
  const NetworkData& network = *data.network;
  for (std::size_t i = 0; i < network.prepared.size(); ++i) {
    const Status status =
        std::visit([](const auto& kept) { return check_there(kept); }, network.prepared[i]);
    if (!status.ok()) return at(describe(network.graph, network.graph.nodes[i]), status);
  }
  for (const PlannedStep& step : data.steps) {
    const auto* const blocks = std::get_if<BlockPlan>(&step.work);
    if (blocks == nullptr) continue;
    for (const Block& block : Internals::data(*blocks).blocks) {
      if (Status status = check_weights(block); !status.ok()) return status;
    }
  }
  return {};
}

Result<int> host::check_run(const NetworkPlan& of, const NetworkBuffers& buffers) {
  const NetworkPlanData& plan = Internals::data(of);
  Result<int> images = images_of_run(buffers.images, plan.n);
  if (!images.ok()) return images.status();
  if (*images != plan.n && !plan.fixed_batch.empty()) {
    return error(ErrorCode::unsupported, "the plan runs all of its images or none",
                 text("images = ", *images, ", n = ", plan.n, ": ", plan.fixed_batch),
                 text("plan for n = ", *images));
  }
  if (Status status = check_current_device(plan.network->device, "the plan"); !status.ok())
    return status;
  if (runs_are_checked()) {
    if (Status status = check_weights(of); !status.ok()) return status;
  }
  if (Status status = check_network_buffers(plan, buffers, *images); !status.ok()) return status;
  return images;
}

Status NetworkPlan::run(const NetworkBuffers& buffers, cudaStream_t stream) const {
  return guarded([&]() -> Status {
    const Data& plan = *data_;
    const Result<int> images = host::check_run(*this, buffers);
    if (!images.ok()) return images.status();
    const BoundPlaces places(plan, buffers);
    const host::TraceRange range("network");
    for (const PlannedStep& step : plan.steps) {
      const bool some = step.batched && *images != plan.n;
      const int own = some ? step.n / plan.n * *images : step.n;
      if (Status status = run_step(step, places, own, stream); !status.ok()) return status;
    }
    return {};
  });
}

int NetworkPlan::images() const noexcept {
  return data_->n;
}
std::size_t NetworkPlan::inputs() const noexcept {
  return data_->inputs.size();
}
std::size_t NetworkPlan::outputs() const noexcept {
  return data_->outputs.size();
}
std::size_t NetworkPlan::input_bytes(std::size_t index) const noexcept {
  return index < inputs() ? data_->inputs[index].bytes : 0;
}
std::size_t NetworkPlan::output_bytes(std::size_t index) const noexcept {
  return index < outputs() ? data_->outputs[index].bytes : 0;
}
Extents NetworkPlan::input_extents(std::size_t index) const try {
  return index < inputs() ? data_->inputs[index].extents : Extents();
} catch (...) {
  return {};
}
Extents NetworkPlan::output_extents(std::size_t index) const try {
  return index < outputs() ? data_->outputs[index].extents : Extents();
} catch (...) {
  return {};
}
std::string NetworkPlan::output_name(std::size_t index) const {
  return host::guarded_text(
      [&] { return index < outputs() ? data_->outputs[index].name : std::string(); });
}
std::size_t NetworkPlan::workspace_bytes() const noexcept {
  return data_->arena_bytes;
}
Result<KeptTensor> NetworkPlan::tensor(std::string_view name) const {
  return guarded([&]() -> Result<KeptTensor> {
    const auto found = data_->kept.find(name);
    if (found != data_->kept.end()) return found->second;
    return invalid("no tensor of the name was kept", text('"', name, '"'),
                   "name it in the plan's option keep");
  });
}
const NetworkPlanExplanation& NetworkPlan::explanation() const noexcept {
  return data_->explanation;
}

}  // namespace foldconv
