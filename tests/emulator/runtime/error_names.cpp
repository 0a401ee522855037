// SPDX-License-Identifier: MIT
// The names and texts of CUDA's error codes, as the CUDA runtime spells them.
#include <algorithm>
#include <iterator>

#include "errors.hpp"

namespace cuemu::runtime {
namespace {

struct ErrorEntry {
  cudaError_t code;
  const char* name;
  const char* text;
};

#define CUEMU_ERROR(code, text) \
  ErrorEntry {                  \
    code, #code, text           \
  }

// Ascending by code, for the binary search.
constexpr ErrorEntry entries[] = {
    CUEMU_ERROR(cudaSuccess, "no error"),
    CUEMU_ERROR(cudaErrorInvalidValue, "invalid argument"),
    CUEMU_ERROR(cudaErrorMemoryAllocation, "out of memory"),
    CUEMU_ERROR(cudaErrorInitializationError, "initialization error"),
    CUEMU_ERROR(cudaErrorCudartUnloading, "driver shutting down"),
    CUEMU_ERROR(cudaErrorProfilerDisabled, "profiler disabled while using external profiling tool"),
    CUEMU_ERROR(cudaErrorProfilerNotInitialized,
                "profiler not initialized: call cudaProfilerInitialize()"),
    CUEMU_ERROR(cudaErrorProfilerAlreadyStarted, "profiler already started"),
    CUEMU_ERROR(cudaErrorProfilerAlreadyStopped, "profiler already stopped"),
    CUEMU_ERROR(cudaErrorInvalidConfiguration, "invalid configuration argument"),
    CUEMU_ERROR(cudaErrorInvalidPitchValue, "invalid pitch argument"),
    CUEMU_ERROR(cudaErrorInvalidSymbol, "invalid device symbol"),
    CUEMU_ERROR(cudaErrorInvalidHostPointer, "invalid host pointer"),
    CUEMU_ERROR(cudaErrorInvalidDevicePointer, "invalid device pointer"),
    CUEMU_ERROR(cudaErrorInvalidTexture, "invalid texture reference"),
    CUEMU_ERROR(cudaErrorInvalidTextureBinding, "texture is not bound to a pointer"),
    CUEMU_ERROR(cudaErrorInvalidChannelDescriptor, "invalid channel descriptor"),
    CUEMU_ERROR(cudaErrorInvalidMemcpyDirection, "invalid copy direction for memcpy"),
    CUEMU_ERROR(cudaErrorAddressOfConstant, "invalid address of constant"),
    CUEMU_ERROR(cudaErrorTextureFetchFailed, "fetch from texture failed"),
    CUEMU_ERROR(cudaErrorTextureNotBound, "cannot fetch from a texture that is not bound"),
    CUEMU_ERROR(cudaErrorSynchronizationError, "incorrect use of __syncthreads()"),
    CUEMU_ERROR(cudaErrorInvalidFilterSetting, "linear filtering not supported for non-float type"),
    CUEMU_ERROR(cudaErrorInvalidNormSetting,
                "read as normalized float not supported for data type"),
    CUEMU_ERROR(cudaErrorMixedDeviceExecution,
                "device emulation mode and device execution mode cannot be mixed"),
    CUEMU_ERROR(cudaErrorNotYetImplemented, "feature not yet implemented"),
    CUEMU_ERROR(cudaErrorMemoryValueTooLarge,
                "memory size or pointer value too large to fit in 32 bit"),
    CUEMU_ERROR(cudaErrorStubLibrary, "CUDA driver is a stub library"),
    CUEMU_ERROR(cudaErrorInsufficientDriver,
                "CUDA driver version is insufficient for CUDA runtime version"),
    CUEMU_ERROR(cudaErrorCallRequiresNewerDriver,
                "API call is not supported in the installed CUDA driver"),
    CUEMU_ERROR(cudaErrorInvalidSurface, "invalid surface reference"),
    CUEMU_ERROR(cudaErrorDuplicateVariableName,
                "duplicate global variable looked up by string name"),
    CUEMU_ERROR(cudaErrorDuplicateTextureName, "duplicate texture looked up by string name"),
    CUEMU_ERROR(cudaErrorDuplicateSurfaceName, "duplicate surface looked up by string name"),
    CUEMU_ERROR(cudaErrorDevicesUnavailable, "CUDA-capable device(s) is/are busy or unavailable"),
    CUEMU_ERROR(cudaErrorIncompatibleDriverContext, "incompatible driver context"),
    CUEMU_ERROR(cudaErrorMissingConfiguration, "__global__ function call is not configured"),
    CUEMU_ERROR(cudaErrorPriorLaunchFailure, "unspecified launch failure in prior launch"),
    CUEMU_ERROR(cudaErrorLaunchMaxDepthExceeded,
                "launch would exceed maximum depth of nested launches"),
    CUEMU_ERROR(cudaErrorLaunchFileScopedTex,
                "launch failed because kernel uses unsupported, file-scoped textures (texture "
                "objects are supported)"),
    CUEMU_ERROR(cudaErrorLaunchFileScopedSurf,
                "launch failed because kernel uses unsupported, file-scoped surfaces (surface "
                "objects are supported)"),
    CUEMU_ERROR(cudaErrorSyncDepthExceeded,
                "cudaDeviceSynchronize failed because caller's grid depth exceeds "
                "cudaLimitDevRuntimeSyncDepth"),
    CUEMU_ERROR(cudaErrorLaunchPendingCountExceeded,
                "launch failed because launch would exceed cudaLimitDevRuntimePendingLaunchCount"),
    CUEMU_ERROR(cudaErrorInvalidDeviceFunction, "invalid device function"),
    CUEMU_ERROR(cudaErrorNoDevice, "no CUDA-capable device is detected"),
    CUEMU_ERROR(cudaErrorInvalidDevice, "invalid device ordinal"),
    CUEMU_ERROR(cudaErrorDeviceNotLicensed, "device doesn't have valid Grid license"),
    CUEMU_ERROR(cudaErrorSoftwareValidityNotEstablished, "integrity checks failed"),
    CUEMU_ERROR(cudaErrorStartupFailure, "startup failure in cuda runtime"),
    CUEMU_ERROR(cudaErrorInvalidKernelImage, "device kernel image is invalid"),
    CUEMU_ERROR(cudaErrorDeviceUninitialized, "invalid device context"),
    CUEMU_ERROR(cudaErrorMapBufferObjectFailed, "mapping of buffer object failed"),
    CUEMU_ERROR(cudaErrorUnmapBufferObjectFailed, "unmapping of buffer object failed"),
    CUEMU_ERROR(cudaErrorArrayIsMapped, "array is mapped"),
    CUEMU_ERROR(cudaErrorAlreadyMapped, "resource already mapped"),
    CUEMU_ERROR(cudaErrorNoKernelImageForDevice,
                "no kernel image is available for execution on the device"),
    CUEMU_ERROR(cudaErrorAlreadyAcquired, "resource already acquired"),
    CUEMU_ERROR(cudaErrorNotMapped, "resource not mapped"),
    CUEMU_ERROR(cudaErrorNotMappedAsArray, "resource not mapped as array"),
    CUEMU_ERROR(cudaErrorNotMappedAsPointer, "resource not mapped as pointer"),
    CUEMU_ERROR(cudaErrorECCUncorrectable, "uncorrectable ECC error encountered"),
    CUEMU_ERROR(cudaErrorUnsupportedLimit, "limit is not supported on this architecture"),
    CUEMU_ERROR(cudaErrorDeviceAlreadyInUse,
                "exclusive-thread device already in use by a different thread"),
    CUEMU_ERROR(cudaErrorPeerAccessUnsupported,
                "peer access is not supported between these two devices"),
    CUEMU_ERROR(cudaErrorInvalidPtx, "a PTX JIT compilation failed"),
    CUEMU_ERROR(cudaErrorInvalidGraphicsContext, "invalid OpenGL or DirectX context"),
    CUEMU_ERROR(cudaErrorNvlinkUncorrectable,
                "uncorrectable NVLink error detected during the execution"),
    CUEMU_ERROR(cudaErrorJitCompilerNotFound, "PTX JIT compiler library not found"),
    CUEMU_ERROR(cudaErrorUnsupportedPtxVersion,
                "the provided PTX was compiled with an unsupported toolchain."),
    CUEMU_ERROR(cudaErrorJitCompilationDisabled, "PTX JIT compilation was disabled"),
    CUEMU_ERROR(cudaErrorUnsupportedExecAffinity,
                "the provided execution affinity is not supported"),
    CUEMU_ERROR(cudaErrorUnsupportedDevSideSync,
                "the provided PTX contains unsupported call to cudaDeviceSynchronize"),
    CUEMU_ERROR(cudaErrorContained,
                "Invalid access of peer GPU memory over nvlink or a hardware error"),
    CUEMU_ERROR(cudaErrorInvalidSource, "device kernel image is invalid"),
    CUEMU_ERROR(cudaErrorFileNotFound, "file not found"),
    CUEMU_ERROR(cudaErrorSharedObjectSymbolNotFound, "shared object symbol not found"),
    CUEMU_ERROR(cudaErrorSharedObjectInitFailed, "shared object initialization failed"),
    CUEMU_ERROR(cudaErrorOperatingSystem, "OS call failed or operation not supported on this OS"),
    CUEMU_ERROR(cudaErrorInvalidResourceHandle, "invalid resource handle"),
    CUEMU_ERROR(cudaErrorIllegalState, "the operation cannot be performed in the present state"),
    CUEMU_ERROR(cudaErrorLossyQuery, "attempted introspection would be semantically lossy"),
    CUEMU_ERROR(cudaErrorSymbolNotFound, "named symbol not found"),
    CUEMU_ERROR(cudaErrorNotReady, "device not ready"),
    CUEMU_ERROR(cudaErrorIllegalAddress, "an illegal memory access was encountered"),
    CUEMU_ERROR(cudaErrorLaunchOutOfResources, "too many resources requested for launch"),
    CUEMU_ERROR(cudaErrorLaunchTimeout, "the launch timed out and was terminated"),
    CUEMU_ERROR(cudaErrorLaunchIncompatibleTexturing, "launch uses incompatible texturing mode"),
    CUEMU_ERROR(cudaErrorPeerAccessAlreadyEnabled, "peer access is already enabled"),
    CUEMU_ERROR(cudaErrorPeerAccessNotEnabled, "peer access has not been enabled"),
    CUEMU_ERROR(cudaErrorSetOnActiveProcess, "cannot set while device is active in this process"),
    CUEMU_ERROR(cudaErrorContextIsDestroyed, "context is destroyed"),
    CUEMU_ERROR(cudaErrorAssert, "device-side assert triggered"),
    CUEMU_ERROR(cudaErrorTooManyPeers, "peer mapping resources exhausted"),
    CUEMU_ERROR(cudaErrorHostMemoryAlreadyRegistered,
                "part or all of the requested memory range is already mapped"),
    CUEMU_ERROR(cudaErrorHostMemoryNotRegistered,
                "pointer does not correspond to a registered memory region"),
    CUEMU_ERROR(cudaErrorHardwareStackError, "hardware stack error"),
    CUEMU_ERROR(cudaErrorIllegalInstruction, "an illegal instruction was encountered"),
    CUEMU_ERROR(cudaErrorMisalignedAddress, "misaligned address"),
    CUEMU_ERROR(cudaErrorInvalidAddressSpace,
                "operation not supported on global/shared address space"),
    CUEMU_ERROR(cudaErrorInvalidPc, "invalid program counter"),
    CUEMU_ERROR(cudaErrorLaunchFailure, "unspecified launch failure"),
    CUEMU_ERROR(cudaErrorCooperativeLaunchTooLarge, "too many blocks in cooperative launch"),
    CUEMU_ERROR(cudaErrorTensorMemoryLeak, "tensor memory not completely freed"),
    CUEMU_ERROR(cudaErrorNotPermitted, "operation not permitted"),
    CUEMU_ERROR(cudaErrorNotSupported, "operation not supported"),
    CUEMU_ERROR(cudaErrorSystemNotReady, "system not yet initialized"),
    CUEMU_ERROR(cudaErrorSystemDriverMismatch,
                "system has unsupported display driver / cuda driver combination"),
    CUEMU_ERROR(cudaErrorCompatNotSupportedOnDevice,
                "forward compatibility was attempted on non supported HW"),
    CUEMU_ERROR(cudaErrorMpsConnectionFailed,
                "MPS client failed to connect to the MPS control daemon or the MPS server"),
    CUEMU_ERROR(cudaErrorMpsRpcFailure,
                "the remote procedural call between the MPS server and the MPS client failed"),
    CUEMU_ERROR(cudaErrorMpsServerNotReady,
                "MPS server is not ready to accept new MPS client requests"),
    CUEMU_ERROR(cudaErrorMpsMaxClientsReached,
                "the hardware resources required to create MPS client have been exhausted"),
    CUEMU_ERROR(
        cudaErrorMpsMaxConnectionsReached,
        "the hardware resources required to support device connections have been exhausted"),
    CUEMU_ERROR(cudaErrorMpsClientTerminated, "the MPS client has been terminated by the server"),
    CUEMU_ERROR(cudaErrorCdpNotSupported,
                "is using CUDA Dynamic Parallelism, but the current configuration, like MPS, does "
                "not support it"),
    CUEMU_ERROR(cudaErrorCdpVersionMismatch,
                "unsupported interaction between different versions of CUDA Dynamic Parallelism"),
    CUEMU_ERROR(cudaErrorStreamCaptureUnsupported,
                "operation not permitted when stream is capturing"),
    CUEMU_ERROR(cudaErrorStreamCaptureInvalidated,
                "operation failed due to a previous error during capture"),
    CUEMU_ERROR(cudaErrorStreamCaptureMerge,
                "operation would result in a merge of separate capture sequences"),
    CUEMU_ERROR(cudaErrorStreamCaptureUnmatched,
                "capture was not ended in the same stream as it began"),
    CUEMU_ERROR(cudaErrorStreamCaptureUnjoined, "capturing stream has unjoined work"),
    CUEMU_ERROR(cudaErrorStreamCaptureIsolation,
                "dependency created on uncaptured work in another stream"),
    CUEMU_ERROR(cudaErrorStreamCaptureImplicit,
                "operation would make the legacy stream depend on a capturing blocking stream"),
    CUEMU_ERROR(cudaErrorCapturedEvent,
                "operation not permitted on an event last recorded in a capturing stream"),
    CUEMU_ERROR(cudaErrorStreamCaptureWrongThread,
                "attempt to terminate a thread-local capture sequence from another thread"),
    CUEMU_ERROR(cudaErrorTimeout, "wait operation timed out"),
    CUEMU_ERROR(cudaErrorGraphExecUpdateFailure,
                "the graph update was not performed because it included changes which violated "
                "constraints specific to instantiated graph update"),
    CUEMU_ERROR(cudaErrorExternalDevice,
                "an async error has occured in external entity outside of CUDA"),
    CUEMU_ERROR(cudaErrorInvalidClusterSize,
                "a kernel launch error has occurred due to cluster misconfiguration"),
    CUEMU_ERROR(
        cudaErrorFunctionNotLoaded,
        "the function handle is not loaded when calling an API that requires a loaded function"),
    CUEMU_ERROR(cudaErrorInvalidResourceType,
                "one or more resources passed in are not valid resource types for the operation"),
    CUEMU_ERROR(cudaErrorInvalidResourceConfiguration,
                "one or more resources are insufficient or non-applicable for the operation"),
    CUEMU_ERROR(cudaErrorUnknown, "unknown error"),
};

#undef CUEMU_ERROR

const ErrorEntry* find_entry(cudaError_t error) {
  const auto* const found =
      std::lower_bound(std::begin(entries), std::end(entries), error,
                       [](const ErrorEntry& entry, cudaError_t code) { return entry.code < code; });
  return found != std::end(entries) && found->code == error ? found : nullptr;
}

}  // namespace

const char* error_name(cudaError_t error) {
  const ErrorEntry* const entry = find_entry(error);
  return entry != nullptr ? entry->name : nullptr;
}

const char* error_text(cudaError_t error) {
  const ErrorEntry* const entry = find_entry(error);
  return entry != nullptr ? entry->text : nullptr;
}

}  // namespace cuemu::runtime
