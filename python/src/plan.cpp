// SPDX-License-Identifier: MIT
#include "plan.hpp"

#include <nanobind/stl/string.h>
#include <nanobind/stl/unique_ptr.h>

#include <algorithm>
#include <utility>

#include "array.hpp"
#include "error.hpp"
#include "gil.hpp"
#include "graph.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace foldconv::python {
namespace {

constexpr std::size_t kPart = 256;  // what cudaMalloc aligns to

std::size_t rounded(std::size_t bytes) {
  return (bytes + kPart - 1) / kPart * kPart;
}

// Host arrays of bf16 ports are f32: converted on the way.
Status copy_in(const Operand& operand, const Port& port, std::byte* to, cudaStream_t stream) {
  std::vector<std::uint16_t> stored;
  const void* from = operand.host.data();
  if (port.element == &kBF16) {
    stored.resize(operand.bytes / 2);
    to_bf16(static_cast<const float*>(from), stored.size(), stored.data());
    from = stored.data();
  }
  cudaError_t code = cudaMemcpyAsync(to, from, operand.bytes, cudaMemcpyHostToDevice, stream);
  return cuda_status(code, "cudaMemcpyAsync");
}

Status copy_out(const Operand& operand, const Port& port, const std::byte* from,
                cudaStream_t stream) {
  std::vector<std::uint16_t> stored(port.element == &kBF16 ? operand.bytes / 2 : 0);
  void* const to = stored.empty() ? operand.host.data() : stored.data();
  cudaError_t code = cudaMemcpyAsync(to, from, operand.bytes, cudaMemcpyDeviceToHost, stream);
  if (stored.empty() || code != cudaSuccess) return cuda_status(code, "cudaMemcpyAsync");
  code = cudaStreamSynchronize(stream);
  from_bf16(stored.data(), stored.size(), static_cast<float*>(operand.host.data()));
  return cuda_status(code, "cudaStreamSynchronize");
}

nb::list port_list(const std::vector<Port>& ports) {
  const nb::object make = nb::module_::import_("foldconv._ports").attr("Port");
  nb::list all;
  for (const Port& port : ports) {
    nb::list extents;
    for (const std::int64_t extent : port.shape) extents.append(extent);
    all.append(make(port.name, nb::tuple(extents), port.element->name));
  }
  return all;
}

}  // namespace

Plan::Plan(std::unique_ptr<const Work> work)
    : work_(std::move(work)), arenas_(std::make_unique<Arenas>()) {
  for (auto [ports, places] :
       {std::pair(&work_->inputs, &staged_inputs_), std::pair(&work_->outputs, &staged_outputs_)}) {
    for (const Port& port : *ports) {
      places->push_back(staging_bytes_);
      staging_bytes_ += rounded(elements_of(port.shape) * port.element->bytes);
    }
  }
}

Plan::~Plan() {
  if (is_forked()) {  // all of it is the parent's
    static_cast<void>(arenas_.release());
    static_cast<void>(work_.release());
    return;
  }
  const WithoutGil released;
  const DeviceScope scope(work_->device);
  arenas_.reset();
  work_.reset();
}

nb::object Plan::call(const nb::args& arrays, nb::handle stream, nb::handle out) {
  enter_device();
  release_done();
  const DeviceScope scope(work_->device);
  check(scope.status());
  Call call(*work_, arrays, stream, out);
  std::shared_ptr<Arena> unused;
  const std::shared_ptr<Arena> arena = take(arenas_->at(call.stream, unused));

  Status status;
  {
    const WithoutGil released;
    unused.reset();
    {
      const std::lock_guard turn(arena->mutex());
      status = enqueue(call, *arena);
    }
    if (call.on_host) {
      const cudaError_t code = cudaStreamSynchronize(call.stream);
      if (status.ok()) status = cuda_status(code, "cudaStreamSynchronize");
    }
  }
  call.keep_borrowed(work_->device);
  check(status);
  return std::move(call.result);
}

Status Plan::enqueue(Call& call, Arena& arena) const {
  const std::size_t bytes = work_->workspace_bytes();
  const Result<std::byte*> workspace = arena.workspace(bytes);
  if (!workspace.ok()) return workspace.status();
  call.buffers.workspace = *workspace;
  call.buffers.workspace_bytes = bytes;
  if (!call.on_host) return work_->run(call.buffers, call.stream);

  const Result<std::byte*> staging = arena.staging(staging_bytes_);
  if (!staging.ok()) return staging.status();
  for (std::size_t i = 0; i < call.inputs.size(); ++i) {
    std::byte* const at = *staging + staged_inputs_[i];
    call.buffers.inputs[i] = at;
    if (Status status = copy_in(call.inputs[i], work_->inputs[i], at, call.stream); !status.ok())
      return status;
  }
  for (std::size_t i = 0; i < call.outputs.size(); ++i)
    call.buffers.outputs[i] = *staging + staged_outputs_[i];
  if (Status status = work_->run(call.buffers, call.stream); !status.ok()) return status;
  for (std::size_t i = 0; i < call.outputs.size(); ++i) {
    const std::byte* const at = *staging + staged_outputs_[i];
    if (Status status = copy_out(call.outputs[i], work_->outputs[i], at, call.stream); !status.ok())
      return status;
  }
  return {};
}

Status Plan::read_workspace(const Operand& to, const Port& port, std::size_t offset) const {
  const std::shared_ptr<Arena> arena = arenas_->last();
  std::unique_lock<std::mutex> turn;
  if (arena != nullptr) turn = std::unique_lock(arena->mutex());
  if (arena == nullptr || arena->workspace() == nullptr) {
    return invalid("a tensor of a plan that was not called", "no call", "call the plan first");
  }
  // The call may have been on the default stream of another thread.
  const cudaError_t code = cudaDeviceSynchronize();
  if (code != cudaSuccess) return cuda_failure(code, "cudaDeviceSynchronize");
  return copy_out(to, port, arena->workspace() + offset, nullptr);
}

nb::object Plan::tensor(const std::string& name) {
  enter_device();
  const KeptTensor kept = take(work_->tensor(name));
  const DeviceScope scope(work_->device);
  check(scope.status());
  const Element& element = element_of(kept.dtype);
  Extents stored;
  for (const int axis : kept.order) stored.push_back(kept.extents[static_cast<std::size_t>(axis)]);
  nb::object result = empty_numpy(stored, element);
  const Operand operand{.host = HostArray::writable(result, name),
                        .bytes = elements_of(stored) * element.bytes};
  Status status;
  {
    const WithoutGil released;
    status = read_workspace(operand, {.element = &element}, kept.offset);
  }
  check(status);
  nb::list back;
  for (std::size_t axis = 0; axis < kept.order.size(); ++axis) {
    back.append(std::ranges::find(kept.order, static_cast<int>(axis)) - kept.order.begin());
  }
  return result.attr("transpose")(nb::tuple(back));
}

void Plan::launch_only(const nb::args& arrays, nb::handle out, int calls) {
  enter_device();
  const DeviceScope scope(work_->device);
  check(scope.status());
  Call call(*work_, arrays, nb::none(), out);
  std::shared_ptr<Arena> unused;
  const std::shared_ptr<Arena> arena = take(arenas_->at(call.stream, unused));
  Status status;
  {
    const WithoutGil released;
    const std::lock_guard turn(arena->mutex());
    for (int i = 0; i < calls && status.ok(); ++i) status = enqueue(call, *arena);
  }
  check(status);
}

void register_plan(nb::module_& module) {
  nb::class_<Plan>(
      module, "Plan", nb::is_weak_referenceable(),
      "A network, convolution or block bound to a shape: call it with arrays.\n"
      "\n"
      "Arrays on the host (NumPy, or what becomes one) are copied, and the result is NumPy,\n"
      "ready when the call returns. Arrays on the plan's device, of any library with DLPack,\n"
      "are read where they are, and the result is a foldconv.Array, computed in the stream's\n"
      "order. Fewer images than planned give as many answers, with the same bits. Threads may\n"
      "share a plan.")
      .def("__call__", &Plan::call, "inputs"_a, nb::kw_only(), "stream"_a = nb::none(),
           "out"_a = nb::none(),
           nb::sig("def __call__(self, *inputs: typing.Any, stream: typing.Any = None, out: "
                   "typing.Any = None) -> typing.Any"),
           "stream: None (the legacy default stream), a cudaStream_t as an int, or an object with\n"
           "__cuda_stream__ or cuda_stream. out: arrays to write to instead of new ones. Of "
           "several\n"
           "outputs the result is a tuple, in the model's order.")
      .def("capture", capture, "inputs"_a, nb::kw_only(), "out"_a = nb::none(),
           nb::sig("def capture(self, *inputs: typing.Any, out: typing.Any = None) -> Graph"),
           "The plan's launches for these arrays, which are on the device, as a CUDA graph.")
      .def("tensor", &Plan::tensor, "name"_a,
           nb::sig("def tensor(self, name: str) -> numpy.ndarray"),
           "A tensor of the last call that keep= or keep_all= of plan() kept.")
      .def(
          "explain", [](const Plan& plan) { return plan.work().explain(); },
          nb::sig("def explain(self) -> foldconv.PlanExplanation"),
          "What runs, launch by launch, and what it costs by the planner's model.")
      .def_prop_ro("images", [](const Plan& plan) { return plan.work().images; })
      .def_prop_ro("device", [](const Plan& plan) { return plan.work().device; })
      .def_prop_ro(
          "inputs", [](const Plan& plan) { return port_list(plan.work().inputs); },
          nb::sig("def inputs(self) -> list[foldconv.Port]"))
      .def_prop_ro(
          "outputs", [](const Plan& plan) { return port_list(plan.work().outputs); },
          nb::sig("def outputs(self) -> list[foldconv.Port]"))
      .def_prop_ro("workspace_bytes",
                   [](const Plan& plan) { return plan.work().workspace_bytes(); })
      .def("_launch_only", &Plan::launch_only, "inputs"_a, nb::kw_only(), "out"_a, "calls"_a,
           nb::sig("def _launch_only(self, *inputs: typing.Any, out: typing.Any, calls: int) -> "
                   "None"));
}

}  // namespace foldconv::python
