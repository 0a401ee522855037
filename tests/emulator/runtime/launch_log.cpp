// SPDX-License-Identifier: MIT
#include "launch_log.hpp"

#include <algorithm>
#include <cstring>
#include <mutex>
#include <vector>

#include "api.hpp"

namespace cuemu::runtime {
namespace {

using LaunchHook = void (*)(void*);

constexpr size_t most_launches_kept = 65536;

struct LaunchLog {
  std::mutex mutex;
  std::vector<cuemu_launch> first_launches;
  size_t launches = 0;
  LaunchHook hook = nullptr;
  void* hook_argument = nullptr;
};

LaunchLog& launch_log() {
  static LaunchLog* const log = new LaunchLog;
  return *log;
}

}  // namespace

void log_launch(const KernelOperation& operation) {
  const KernelRecord& kernel = *operation.kernel;
  LaunchLog& log = launch_log();
  const std::lock_guard lock(log.mutex);
  if (++log.launches > most_launches_kept) return;
  log.first_launches.push_back(
      {.kernel = kernel.kernel->program.pretty_name.c_str(),
       .mangled = kernel.name.c_str(),
       .function = kernel.host_stub,
       .grid = {operation.grid.x, operation.grid.y, operation.grid.z},
       .block = {operation.block.x, operation.block.y, operation.block.z},
       .dynamic_shared_bytes = operation.dynamic_shared_bytes,
       .static_shared_bytes = static_cast<uint32_t>(kernel.static_shared_bytes()),
       .device = kernel.device,
       .cluster = {operation.cluster.x, operation.cluster.y, operation.cluster.z},
       .overlaps_previous = operation.overlaps_previous ? 1 : 0,
       .cooperative = operation.cooperative ? 1 : 0});
}

void forget_launches() {
  LaunchLog& log = launch_log();
  const std::lock_guard lock(log.mutex);
  log.first_launches.clear();
  log.launches = 0;
}

// Not called with the lock held: the hook may wait for another thread's launch.
void run_launch_hook() {
  LaunchLog& log = launch_log();
  LaunchHook hook = nullptr;
  void* argument = nullptr;
  {
    const std::lock_guard lock(log.mutex);
    hook = log.hook;
    argument = log.hook_argument;
  }
  if (hook != nullptr) hook(argument);
}

}  // namespace cuemu::runtime

using namespace cuemu::runtime;

// `element_bytes`: sizeof(cuemu_launch) as the caller compiled it.
CUEMU_EXPORT size_t cuemu_read_launches_impl(cuemu_launch* out, size_t count,
                                             size_t element_bytes) {
  LaunchLog& log = launch_log();
  const std::lock_guard lock(log.mutex);
  auto* to = reinterpret_cast<std::byte*>(out);
  for (size_t i = 0; i < std::min(count, log.first_launches.size()); ++i) {
    std::memcpy(to, &log.first_launches[i], std::min(element_bytes, sizeof(cuemu_launch)));
    to += element_bytes;
  }
  return log.launches;
}

CUEMU_EXPORT void cuemu_at_launch_impl(void (*hook)(void*), void* argument) {
  LaunchLog& log = launch_log();
  const std::lock_guard lock(log.mutex);
  log.hook = hook;
  log.hook_argument = argument;
}
