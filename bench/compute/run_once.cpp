#include "compute/run_once.hpp"

#include <functional>
#include <string>
#include <utility>

namespace foldconv::tool {
namespace {

using Run = std::function<Status(const DeviceBuffer& y, const DeviceBuffer& workspace)>;

Result<Output> run_poisoned(std::size_t y_bytes, std::size_t workspace_bytes,
                            const std::string& what, const Run& run) {
  Result<DeviceBuffer> y = DeviceBuffer::allocate(y_bytes);
  if (!y) return y.status();
  Result<DeviceBuffer> workspace = DeviceBuffer::allocate(workspace_bytes);
  if (!workspace) return workspace.status();
  for (const DeviceBuffer* buffer : {&*y, &*workspace}) {
    if (Status status = buffer->poison(); !status) return status;
  }
  if (Status status = run(*y, *workspace); !status) return status;
  if (Status status = cuda_status(cudaDeviceSynchronize(), "running " + what); !status) {
    return status;
  }
  Output output{.y = {}, .in_bounds = true};
  for (const DeviceBuffer* buffer : {&*y, &*workspace}) {
    Result<bool> intact = buffer->intact();
    if (!intact) return intact.status();
    output.in_bounds = output.in_bounds && *intact;
  }
  Result<std::vector<std::byte>> bytes = y->download();
  if (!bytes) return bytes.status();
  output.y = std::move(*bytes);
  return output;
}

std::size_t bytes_of(const Shape& shape, DataType dtype) {
  return static_cast<std::size_t>(shape.elements()) * size_of(dtype);
}

}  // namespace

Result<Output> run_once(const ConvPlan& plan, const DeviceBuffer& x, const DeviceBuffer& residual) {
  const ConvProblem& problem = plan.problem();
  return run_poisoned(bytes_of(problem.output(), problem.dtype), plan.workspace_bytes(),
                      plan.explanation().kernel,
                      [&](const DeviceBuffer& y, const DeviceBuffer& workspace) {
                        return plan.run({.x = x.data(),
                                         .residual = problem.residual ? residual.data() : nullptr,
                                         .y = y.data(),
                                         .workspace = workspace.data(),
                                         .workspace_bytes = workspace.bytes()});
                      });
}

Result<Output> run_once(const BlockPlan& plan, DataType dtype, const DeviceBuffer& x) {
  return run_poisoned(bytes_of(plan.output(), dtype), plan.workspace_bytes(),
                      std::string("the cut ") + to_string(plan.explanation().cut),
                      [&](const DeviceBuffer& y, const DeviceBuffer& workspace) {
                        return plan.run({.x = x.data(),
                                         .y = y.data(),
                                         .workspace = workspace.data(),
                                         .workspace_bytes = workspace.bytes()});
                      });
}

}  // namespace foldconv::tool
