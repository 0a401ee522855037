// SPDX-License-Identifier: MIT
// The runtime's doors to other libraries: the driver, of which there are only the functions that make tensor maps and the
// one that knows pointers, and the profiler.
#include <cuda_profiler_api.h>

#include <string_view>

#include "api.hpp"
#include "pointer_attributes.hpp"
#include "tensor_map_api.hpp"

namespace cuemu::runtime {
namespace {

struct DriverFunction {
  void* address = nullptr;
  unsigned since = 0;  // the version of CUDA that has it first
};

DriverFunction find_driver_function(std::string_view symbol) {
  if (void* const found = find_pointer_function(symbol); found != nullptr) return {found, 7000};
  return {find_tensor_map_function(symbol), 12000};
}

// As a driver of CUDA `version` has it.
cudaError_t find_entry_point(const char* symbol, void** function, unsigned version,
                             cudaDriverEntryPointQueryResult* status) {
  return pure_call([&] {
    if (symbol == nullptr || function == nullptr) return cudaErrorInvalidValue;
    const DriverFunction found = find_driver_function(symbol);
    const bool is_too_new = found.address != nullptr && version < found.since;
    *function = is_too_new ? nullptr : found.address;
    if (status != nullptr)
      *status = found.address == nullptr ? cudaDriverEntryPointSymbolNotFound
                : is_too_new             ? cudaDriverEntryPointVersionNotSufficent
                                         : cudaDriverEntryPointSuccess;
    return cudaSuccess;
  });
}

}  // namespace
}  // namespace cuemu::runtime

using namespace cuemu::runtime;

CUEMU_STREAM_API(cudaGetDriverEntryPointByVersion,
                 (const char* symbol, void** function, unsigned version, unsigned long long,
                  cudaDriverEntryPointQueryResult* status),
                 { return find_entry_point(symbol, function, version, status); })

CUEMU_STREAM_API(cudaGetDriverEntryPoint,
                 (const char* symbol, void** function, unsigned long long,
                  cudaDriverEntryPointQueryResult* status),
                 { return find_entry_point(symbol, function, CUDART_VERSION, status); })

CUEMU_API(cudaProfilerStart, (), { return api_call([] { return cudaSuccess; }); })

CUEMU_API(cudaProfilerStop, (), { return api_call([] { return cudaSuccess; }); })
