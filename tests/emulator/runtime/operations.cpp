// SPDX-License-Identifier: MIT
#include "operations.hpp"

#include <cstring>
#include <mutex>

#include "device_model.hpp"
#include "errors.hpp"
#include "events.hpp"
#include "launch_log.hpp"
#include "memory.hpp"

namespace cuemu::runtime {
namespace {

cudaError_t perform(const EmptyOperation&) {
  return cudaSuccess;
}

cudaError_t perform(const KernelOperation& operation) {
  const Launch launch = {.kernel = operation.kernel->kernel,
                         .grid = operation.grid,
                         .block = operation.block,
                         .dynamic_shared_bytes = operation.dynamic_shared_bytes,
                         .parameters = operation.parameters.data(),
                         .device = operation.kernel->device,
                         .limits = device_model().limits(),
                         .cluster = operation.cluster,
                         .is_clustered = operation.is_clustered,
                         .cooperative = operation.cooperative,
                         .overlaps_previous = operation.overlaps_previous,
                         .stream = operation.stream,
                         .registers = static_cast<uint32_t>(operation.kernel->resources.registers)};
  const std::lock_guard lock(device_mutex());
  log_launch(operation);
  if (const std::optional<Fault> fault = run(launch)) {
    const cudaError_t error = raise_fault(*fault);
    return sticky_error() == cudaSuccess ? error : cudaSuccess;
  }
  return cudaSuccess;
}

cudaError_t perform(const CopyOperation& copy) {
  if (const cudaError_t result = check_copy(copy); result != cudaSuccess) return result;
  const std::lock_guard lock(device_mutex());
  for (size_t row = 0; row < copy.rows; ++row) {
    std::memmove(copy.destination + row * copy.destination_pitch,
                 copy.source + row * copy.source_pitch, copy.width);
  }
  return cudaSuccess;
}

cudaError_t perform(const FillOperation& fill) {
  if (const cudaError_t result = check_fill(fill); result != cudaSuccess) return result;
  const std::lock_guard lock(device_mutex());
  for (size_t row = 0; row < fill.rows; ++row) {
    std::byte* const start = fill.destination + row * fill.pitch;
    if (fill.element_bytes == 1) {
      std::memset(start, static_cast<int>(fill.value), fill.width);
      continue;
    }
    for (size_t i = 0; i < fill.width; ++i) {
      std::memcpy(start + i * fill.element_bytes, &fill.value, fill.element_bytes);
    }
  }
  return cudaSuccess;
}

// Without the device's lock: a host function may wait for another thread that uses the device.
cudaError_t perform(const HostOperation& operation) {
  operation.function(operation.argument);
  return cudaSuccess;
}

cudaError_t perform(const EventRecordOperation& operation) {
  return record_event(operation.event);
}

// Whatever the event marks has ended already.
cudaError_t perform(const EventWaitOperation&) {
  return cudaSuccess;
}

// As on a GPU, nothing runs after a kernel that faulted.
cudaError_t perform(const GraphOperation& graph) {
  for (const Operation& operation : graph.program->operations) {
    if (const cudaError_t result = execute(operation); result != cudaSuccess) return result;
    if (sticky_error() != cudaSuccess) break;
  }
  return cudaSuccess;
}

}  // namespace

std::mutex& device_mutex() {
  static std::mutex* const mutex = new std::mutex;
  return *mutex;
}

cudaError_t execute(const Operation& operation) {
  return std::visit([](const auto& chosen) { return perform(chosen); }, operation);
}

}  // namespace cuemu::runtime
