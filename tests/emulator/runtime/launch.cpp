// SPDX-License-Identifier: MIT
// Kernel launches: the configuration stack behind <<<...>>>, the checks a driver makes, and the
// packing of arguments.
#include "launch.hpp"

#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "api.hpp"
#include "device.hpp"
#include "device_model.hpp"
#include "launch_log.hpp"
#include "occupancy.hpp"
#include "streams.hpp"

namespace cuemu::runtime {
namespace {

struct Configuration {
  dim3 grid, block;
  size_t shared = 0;
  cudaStream_t stream = nullptr;
};

// Launches nest when an argument of one is computed by another.
thread_local std::vector<Configuration> pushed_configurations;

std::string text_of(dim3 size) {
  char text[40];
  std::snprintf(text, sizeof text, "(%u,%u,%u)", size.x, size.y, size.z);
  return text;
}

bool within(dim3 size, const int (&limit)[3]) {
  const auto in_range = [](unsigned value, int most) {
    return value >= 1 && value <= static_cast<unsigned>(most);
  };
  return in_range(size.x, limit[0]) && in_range(size.y, limit[1]) && in_range(size.z, limit[2]);
}

cudaError_t check_configuration(const KernelRecord& kernel, const LaunchRequest& request) {
  const auto refuse = [&](cudaError_t error, const std::string& reason) {
    return refuse_launch(error, reason + "; kernel " + kernel.name);
  };
  if (!within(request.grid, DeviceModel::max_grid_dim)) {
    return refuse(cudaErrorInvalidConfiguration,
                  "grid " + text_of(request.grid) + " is not possible");
  }
  const uint64_t threads = uint64_t{request.block.x} * request.block.y * request.block.z;
  if (!within(request.block, DeviceModel::max_block_dim) ||
      threads > static_cast<uint64_t>(DeviceModel::max_threads_per_block)) {
    return refuse(cudaErrorInvalidConfiguration,
                  "block " + text_of(request.block) + " is not possible");
  }
  if (threads > static_cast<uint64_t>(threads_that_fit_registers(kernel.resources.registers))) {
    return refuse(cudaErrorLaunchOutOfResources, std::to_string(threads) + " threads of " +
                                                     std::to_string(kernel.resources.registers) +
                                                     " registers do not fit");
  }
  if (threads > kernel.info.max_threads) {
    return refuse(cudaErrorInvalidValue, std::to_string(threads) +
                                             " threads exceed the kernel's launch bound of " +
                                             std::to_string(kernel.info.max_threads));
  }
  const int allowed = kernel.max_dynamic_shared_bytes();
  if (allowed < 0 || request.dynamic_shared > static_cast<size_t>(allowed)) {
    return refuse(cudaErrorInvalidValue, std::to_string(request.dynamic_shared) +
                                             " bytes of dynamic shared memory, but only " +
                                             std::to_string(allowed) +
                                             " are allowed without cudaFuncSetAttribute");
  }
  return cudaSuccess;
}

}  // namespace

cudaError_t prepare_launch(const LaunchRequest& request, KernelOperation& operation) {
  KernelRecord* kernel = nullptr;
  if (const cudaError_t result = find_function(request.function, kernel); result != cudaSuccess) {
    return result;
  }
  if (const cudaError_t result = check_configuration(*kernel, request); result != cudaSuccess) {
    return result;
  }
  operation.kernel = kernel;
  operation.grid = {request.grid.x, request.grid.y, request.grid.z};
  operation.block = {request.block.x, request.block.y, request.block.z};
  operation.dynamic_shared_bytes = static_cast<uint32_t>(request.dynamic_shared);
  operation.cooperative = request.attributes.cooperative;
  operation.overlaps_previous = request.attributes.overlaps_previous;
  if (const cudaError_t result = choose_cluster(request.attributes, operation);
      result != cudaSuccess) {
    return result;
  }
  if (const cudaError_t result = check_cooperative(operation); result != cudaSuccess) return result;
  operation.parameters.assign(kernel->info.parameter_bytes, std::byte{0});
  if (request.arguments == nullptr && !kernel->info.parameters.empty())
    return cudaErrorInvalidValue;
  for (size_t i = 0; i < kernel->info.parameters.size(); ++i) {
    const KernelParameter& parameter = kernel->info.parameters[i];
    std::memcpy(operation.parameters.data() + parameter.offset, request.arguments[i],
                parameter.size);
  }
  return cudaSuccess;
}

namespace {

cudaError_t launch(const LaunchRequest& request, cudaStream_t stream,
                   cudaStream_t implicit_stream) {
  return api_call([&] {
    run_launch_hook();
    Stream* launching = nullptr;
    if (const cudaError_t result = find_stream(stream, implicit_stream, launching);
        result != cudaSuccess) {
      return result;
    }
    if (launching->device != current_device()) return cudaErrorInvalidResourceHandle;
    KernelOperation operation;
    if (const cudaError_t result = prepare_launch(request, operation); result != cudaSuccess) {
      return result;
    }
    return submit(*launching, std::move(operation));
  });
}

cudaError_t launch_with_configuration(const cudaLaunchConfig_t* configuration, const void* function,
                                      void** arguments, cudaStream_t implicit_stream) {
  if (configuration == nullptr) return pure_call([] { return cudaErrorInvalidValue; });
  LaunchAttributes attributes;
  const cudaError_t readable =
      pure_call([&] { return read_attributes(*configuration, attributes); });
  if (readable != cudaSuccess) return readable;
  return launch({.function = function,
                 .grid = configuration->gridDim,
                 .block = configuration->blockDim,
                 .arguments = arguments,
                 .dynamic_shared = configuration->dynamicSmemBytes,
                 .attributes = attributes},
                configuration->stream, implicit_stream);
}

}  // namespace
}  // namespace cuemu::runtime

using namespace cuemu::runtime;

CUEMU_EXPORT unsigned __cudaPushCallConfiguration(dim3 grid, dim3 block, size_t shared,
                                                  CUstream_st* stream) {
  pushed_configurations.push_back({grid, block, shared, stream});
  return 0;
}

CUEMU_EXPORT cudaError_t __cudaPopCallConfiguration(dim3* grid, dim3* block, size_t* shared,
                                                    void* stream) {
  if (pushed_configurations.empty()) {
    return pure_call([] { return cudaErrorMissingConfiguration; });
  }
  const Configuration& top = pushed_configurations.back();
  *grid = top.grid;
  *block = top.block;
  *shared = top.shared;
  *static_cast<cudaStream_t*>(stream) = top.stream;
  pushed_configurations.pop_back();
  return cudaSuccess;
}

CUEMU_STREAM_API(
    __cudaLaunchKernel,
    (cudaKernel_t kernel, dim3 grid, dim3 block, void** arguments, size_t shared,
     cudaStream_t stream),
    {
      return launch({kernel, grid, block, arguments, shared, {}}, stream, implicit_stream);
    })

CUEMU_STREAM_API(
    cudaLaunchKernel,
    (const void* function, dim3 grid, dim3 block, void** arguments, size_t shared,
     cudaStream_t stream),
    {
      return launch({function, grid, block, arguments, shared, {}}, stream, implicit_stream);
    })

CUEMU_STREAM_API(cudaLaunchKernelExC,
                 (const cudaLaunchConfig_t* configuration, const void* function, void** arguments),
                 {
                   return launch_with_configuration(configuration, function, arguments,
                                                    implicit_stream);
                 })

CUEMU_STREAM_API(cudaLaunchCooperativeKernel,
                 (const void* function, dim3 grid, dim3 block, void** arguments, size_t shared,
                  cudaStream_t stream),
                 {
                   return launch({.function = function,
                                  .grid = grid,
                                  .block = block,
                                  .arguments = arguments,
                                  .dynamic_shared = shared,
                                  .attributes = {.cooperative = true}},
                                 stream, implicit_stream);
                 })
