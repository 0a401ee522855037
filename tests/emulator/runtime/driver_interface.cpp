// SPDX-License-Identifier: MIT
// The runtime's doors to other libraries: the driver, of which there is none, and the profiler.
#include <cuda_profiler_api.h>

#include "api.hpp"

namespace cuemu::runtime {
namespace {

cudaError_t no_entry_point(const char* symbol, void** function,
                           cudaDriverEntryPointQueryResult* status) {
  return pure_call([&] {
    if (symbol == nullptr || function == nullptr) return cudaErrorInvalidValue;
    *function = nullptr;
    if (status != nullptr) *status = cudaDriverEntryPointSymbolNotFound;
    return cudaSuccess;
  });
}

}  // namespace
}  // namespace cuemu::runtime

using namespace cuemu::runtime;

CUEMU_STREAM_API(cudaGetDriverEntryPointByVersion,
                 (const char* symbol, void** function, unsigned, unsigned long long,
                  cudaDriverEntryPointQueryResult* status),
                 { return no_entry_point(symbol, function, status); })

CUEMU_STREAM_API(cudaGetDriverEntryPoint,
                 (const char* symbol, void** function, unsigned long long,
                  cudaDriverEntryPointQueryResult* status),
                 { return no_entry_point(symbol, function, status); })

CUEMU_API(cudaProfilerStart, (), { return api_call([] { return cudaSuccess; }); })

CUEMU_API(cudaProfilerStop, (), { return api_call([] { return cudaSuccess; }); })
