// SPDX-License-Identifier: MIT
// The runtime's doors to other libraries: the driver, of which there are only the functions that make tensor maps, and the
// profiler.
#include <cuda_profiler_api.h>

#include "api.hpp"
#include "tensor_map_api.hpp"

namespace cuemu::runtime {
namespace {

constexpr unsigned kFirstWithTensorMaps = 12000;

// As a driver of CUDA `version` has it.
cudaError_t find_entry_point(const char* symbol, void** function, unsigned version,
                             cudaDriverEntryPointQueryResult* status) {
  return pure_call([&] {
    if (symbol == nullptr || function == nullptr) return cudaErrorInvalidValue;
    void* const found = find_tensor_map_function(symbol);
    const bool is_too_new = found != nullptr && version < kFirstWithTensorMaps;
    *function = is_too_new ? nullptr : found;
    if (status != nullptr)
      *status = found == nullptr ? cudaDriverEntryPointSymbolNotFound
                : is_too_new     ? cudaDriverEntryPointVersionNotSufficent
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
