// SPDX-License-Identifier: MIT
// Runs of an fc_plan, and captured ones.
#include "base/text.hpp"
#include "c/error.hpp"
#include "c/objects.hpp"
#include "c/options.hpp"
#include "c/structs.hpp"
#include "foldconv/checked_runs.hpp"

namespace c = foldconv::c;
using foldconv::CudaGraph;
using foldconv::NetworkBuffers;
using foldconv::Result;
using foldconv::Status;

namespace foldconv::c {
namespace {

template <class Pointer>
Result<std::vector<Pointer>> pointers(Pointer const* list, std::size_t count, const char* what) {
  if (Status status = check_list(list, count, what, "give a list of device pointers");
      !status.ok()) {
    return status;
  }
  return std::vector<Pointer>(list, list + count);
}

Result<NetworkBuffers> buffers_of(const fc_plan* plan, const fc_buffers* given) {
  if (Status status = check_given(plan, "plan"); !status.ok()) return status;
  if (Status status = check_given(given, "buffers"); !status.ok()) return status;
  const Result<fc_buffers> read = read_struct(given);
  if (!read.ok()) return read.status();
  if (Status status = check_reserved(read->reserved, "fc_buffers"); !status.ok()) return status;
  auto inputs = pointers<const void*>(read->inputs, read->input_count, "fc_buffers::inputs");
  if (!inputs.ok()) return inputs.status();
  auto outputs = pointers<void*>(read->outputs, read->output_count, "fc_buffers::outputs");
  if (!outputs.ok()) return outputs.status();
  return NetworkBuffers{.inputs = std::move(*inputs),
                        .outputs = std::move(*outputs),
                        .workspace = read->workspace,
                        .workspace_bytes = read->workspace_bytes,
                        .images = read->images};
}

cudaStream_t stream_of(void* stream) {
  return static_cast<cudaStream_t>(stream);
}

}  // namespace
}  // namespace foldconv::c

fc_code fc_plan_run(const fc_plan* plan, const fc_buffers* buffers, void* stream, fc_error* error) {
  return c::reported(error, [&]() -> Status {
    const Result<NetworkBuffers> given = c::buffers_of(plan, buffers);
    if (!given.ok()) return given.status();
    return plan->plan.run(*given, c::stream_of(stream));
  });
}

fc_code fc_plan_capture(const fc_plan* plan, const fc_buffers* buffers, fc_cuda_graph** cuda_graph,
                        fc_error* error) {
  return c::made(cuda_graph, "cuda_graph", error, [&]() -> Result<fc_cuda_graph*> {
    const Result<NetworkBuffers> given = c::buffers_of(plan, buffers);
    if (!given.ok()) return given.status();
    Result<CudaGraph> captured = plan->plan.capture(*given);
    if (!captured.ok()) return captured.status();
    return new fc_cuda_graph{std::move(*captured)};
  });
}

fc_code fc_cuda_graph_launch(const fc_cuda_graph* cuda_graph, void* stream, fc_error* error) {
  return c::reported(error, [&]() -> Status {
    if (Status status = c::check_given(cuda_graph, "cuda_graph"); !status.ok()) return status;
    return cuda_graph->graph.launch(c::stream_of(stream));
  });
}

void fc_cuda_graph_free(fc_cuda_graph* cuda_graph) {
  delete cuda_graph;
}

void fc_check_runs(std::int32_t checked) {
  foldconv::check_runs(checked != 0);
}

std::int32_t fc_runs_are_checked() {
  return foldconv::runs_are_checked() ? 1 : 0;
}
