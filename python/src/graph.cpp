// SPDX-License-Identifier: MIT
#include "graph.hpp"

#include <nanobind/stl/unique_ptr.h>

#include <utility>

#include "array.hpp"
#include "error.hpp"
#include "gil.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace foldconv::python {
namespace {

// The arrays among an object's parts: what has to be ordered at each launch.
template <class Visit>
void each_array(nb::handle objects, const Visit& visit) {
  Array* array = nullptr;
  if (nb::try_cast(objects, array) && array != nullptr) {
    visit(*array);
  } else if (PyTuple_Check(objects.ptr()) || PyList_Check(objects.ptr())) {
    for (const nb::handle part : objects) each_array(part, visit);
  }
}

}  // namespace

PlanGraph::PlanGraph(nb::object plan, const nb::args& arrays, nb::handle out)
    : plan_(std::move(plan)), inputs_(arrays) {
  enter_device();
  const Work& work = nb::cast<Plan&>(plan_).work();
  device_ = work.device;
  const DeviceScope scope(device_);
  check(scope.status());
  call_ = std::make_unique<Call>(work, arrays, nb::none(), out);
  if (call_->on_host) {
    raise(invalid("a graph of arrays on the host", "a graph reads and writes where it was captured",
                  "give arrays on the device: foldconv.array(x)"));
  }
  const std::size_t bytes = work.workspace_bytes();
  if (bytes > 0) {
    void* made = nullptr;
    check(cuda_status(cudaMalloc(&made, bytes), "cudaMalloc"));
    workspace_ = static_cast<std::byte*>(made);
  }
  call_->buffers.workspace = workspace_;
  call_->buffers.workspace_bytes = bytes;
  Result<CudaGraph> graph = work.capture(call_->buffers);
  if (!graph.ok()) {
    cudaFree(workspace_);
    raise(graph.status());
  }
  graph_ = std::make_unique<CudaGraph>(*std::move(graph));
}

PlanGraph::~PlanGraph() {
  if (is_forked()) {
    static_cast<void>(graph_.release());
    return;
  }
  const WithoutGil released;
  const DeviceScope scope(device_);
  const OutsideCapture outside;
  if (done_ != nullptr) {  // not the device: that would end other threads' captures
    cudaEventSynchronize(done_);
    cudaEventDestroy(done_);
  }
  graph_.reset();
  cudaFree(workspace_);
}

void PlanGraph::launch(nb::handle stream_object) {
  enter_device();
  const DeviceScope scope(device_);
  check(scope.status());
  const cudaStream_t stream = stream_of(stream_object);
  check(check_stream(stream, device_, "graph"));
  each_array(inputs_, [&](Array& array) { check(array.memory->read_by(stream, stream_object)); });
  each_array(call_->result,
             [&](Array& array) { check(array.memory->written_by(stream, stream_object)); });
  Status status;
  {
    const WithoutGil released;
    const std::lock_guard turn(turn_);
    status = enqueue(stream);
  }
  check(status);
}

Status PlanGraph::enqueue(cudaStream_t stream) {
  if (done_ == nullptr) {
    const cudaError_t code = cudaEventCreateWithFlags(&done_, cudaEventDisableTiming);
    if (code != cudaSuccess) return cuda_failure(code, "cudaEventCreateWithFlags");
  }
  if (Status status = graph_->launch(stream); !status.ok()) return status;
  return cuda_status(cudaEventRecord(done_, stream), "cudaEventRecord");
}

std::unique_ptr<PlanGraph> capture(nb::handle plan, const nb::args& arrays, nb::handle out) {
  return std::make_unique<PlanGraph>(nb::borrow(plan), arrays, out);
}

void register_graph(nb::module_& module) {
  nb::class_<PlanGraph>(module, "Graph",
                        "A plan's launches for certain arrays, as a CUDA graph. Keeps the arrays.")
      .def("launch", &PlanGraph::launch, "stream"_a = nb::none(),
           nb::sig("def launch(self, stream: typing.Any = None) -> None"),
           "Runs all of them, in the stream's order.")
      .def_prop_ro("outputs", &PlanGraph::outputs, nb::sig("def outputs(self) -> typing.Any"),
                   "What each launch writes to: an array, of several outputs a tuple.");
}

}  // namespace foldconv::python
