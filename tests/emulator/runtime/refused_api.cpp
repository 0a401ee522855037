// SPDX-License-Identifier: MIT
// Entry points that are there so that libraries which name them can be loaded, PyTorch's above all, and refuse: memory
// and events of other processes, libraries of kernels loaded from memory, graphs that hold objects or conditions,
// attributes of pools.
#include "api.hpp"

namespace cuemu::runtime {
namespace {

cudaError_t refuse(const char* name) {
  return api_call([&] { return not_supported(name); });
}

}  // namespace
}  // namespace cuemu::runtime

using namespace cuemu::runtime;

#define CUEMU_REFUSED(name, ...) CUEMU_API(name, (__VA_ARGS__), { return refuse(#name); })
#define CUEMU_STREAM_REFUSED(name, ...) \
  CUEMU_STREAM_API(name, (__VA_ARGS__), { return refuse(#name); })

CUEMU_REFUSED(cudaIpcGetEventHandle, cudaIpcEventHandle_t*, cudaEvent_t)
CUEMU_REFUSED(cudaIpcOpenEventHandle, cudaEvent_t*, cudaIpcEventHandle_t)
CUEMU_REFUSED(cudaIpcGetMemHandle, cudaIpcMemHandle_t*, void*)
CUEMU_REFUSED(cudaIpcOpenMemHandle, void**, cudaIpcMemHandle_t, unsigned)
CUEMU_REFUSED(cudaIpcCloseMemHandle, void*)
CUEMU_STREAM_REFUSED(cudaMemcpyPeerAsync, void*, int, const void*, int, size_t, cudaStream_t)

CUEMU_REFUSED(cudaMemPoolGetAttribute, cudaMemPool_t, cudaMemPoolAttr, void*)
CUEMU_REFUSED(cudaMemPoolSetAccess, cudaMemPool_t, const cudaMemAccessDesc*, size_t)
CUEMU_REFUSED(cudaDeviceGetGraphMemAttribute, int, cudaGraphMemAttributeType, void*)
CUEMU_REFUSED(cudaDeviceSetGraphMemAttribute, int, cudaGraphMemAttributeType, void*)

CUEMU_REFUSED(cudaLibraryLoadData, cudaLibrary_t*, const void*, cudaJitOption*, void**, unsigned,
              cudaLibraryOption*, void**, unsigned)
CUEMU_REFUSED(cudaLibraryLoadFromFile, cudaLibrary_t*, const char*, cudaJitOption*, void**,
              unsigned, cudaLibraryOption*, void**, unsigned)
CUEMU_REFUSED(cudaLibraryUnload, cudaLibrary_t)
CUEMU_REFUSED(cudaLibraryGetGlobal, void**, size_t*, cudaLibrary_t, const char*)
CUEMU_REFUSED(cudaLibraryGetKernel, cudaKernel_t*, cudaLibrary_t, const char*)
CUEMU_REFUSED(cudaLibraryGetKernelCount, unsigned*, cudaLibrary_t)
CUEMU_REFUSED(cudaLibraryGetManaged, void**, size_t*, cudaLibrary_t, const char*)
CUEMU_REFUSED(cudaLibraryGetUnifiedFunction, void**, cudaLibrary_t, const char*)
CUEMU_REFUSED(cudaKernelSetAttributeForDevice, cudaKernel_t, cudaFuncAttribute, int, int)

CUEMU_REFUSED(cudaGraphAddNode, cudaGraphNode_t*, cudaGraph_t, const cudaGraphNode_t*,
              const cudaGraphEdgeData*, size_t, cudaGraphNodeParams*)
CUEMU_REFUSED(cudaGraphConditionalHandleCreate, cudaGraphConditionalHandle*, cudaGraph_t, unsigned,
              unsigned)
CUEMU_REFUSED(cudaUserObjectCreate, cudaUserObject_t*, void*, cudaHostFn_t, unsigned, unsigned)
CUEMU_REFUSED(cudaUserObjectRelease, cudaUserObject_t, unsigned)
CUEMU_REFUSED(cudaGraphRetainUserObject, cudaGraph_t, cudaUserObject_t, unsigned, unsigned)
CUEMU_STREAM_REFUSED(cudaStreamBeginCaptureToGraph, cudaStream_t, cudaGraph_t,
                     const cudaGraphNode_t*, const cudaGraphEdgeData*, size_t,
                     cudaStreamCaptureMode)
CUEMU_STREAM_REFUSED(cudaStreamUpdateCaptureDependencies, cudaStream_t, cudaGraphNode_t*,
                     const cudaGraphEdgeData*, size_t, unsigned)
