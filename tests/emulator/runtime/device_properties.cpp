// What the emulated device says of itself.
#include <algorithm>
#include <cstring>
#include <iterator>

#include "api.hpp"
#include "device_model.hpp"

namespace cuemu::runtime {
namespace {

cudaDeviceProp properties() {
  const DeviceModel& model = device_model();
  cudaDeviceProp p = {};
  std::strncpy(p.name, model.name, sizeof p.name - 1);
  std::memcpy(p.uuid.bytes, "cuda-emulator", 13);
  p.totalGlobalMem = model.memory_bytes;
  p.sharedMemPerBlock = DeviceModel::shared_per_block;
  p.regsPerBlock = DeviceModel::registers_per_multiprocessor;
  p.warpSize = DeviceModel::warp_size;
  p.memPitch = 2147483647;
  p.maxThreadsPerBlock = DeviceModel::max_threads_per_block;
  std::ranges::copy(DeviceModel::max_block_dim, p.maxThreadsDim);
  std::ranges::copy(DeviceModel::max_grid_dim, p.maxGridSize);
  p.totalConstMem = 65536;
  p.major = model.major;
  p.minor = model.minor;
  p.textureAlignment = 512;
  p.texturePitchAlignment = 32;
  p.surfaceAlignment = 512;
  p.multiProcessorCount = model.multiprocessors;
  p.canMapHostMemory = 1;
  p.concurrentKernels = 1;
  p.ECCEnabled = 1;
  p.asyncEngineCount = model.async_engines;
  p.unifiedAddressing = 1;
  p.memoryBusWidth = model.memory_bus_bits;
  p.l2CacheSize = model.l2_bytes;
  p.persistingL2CacheMaxSize = model.persisting_l2_bytes;
  p.accessPolicyMaxWindowSize = 128 << 20;
  p.maxThreadsPerMultiProcessor = DeviceModel::max_threads_per_multiprocessor;
  p.maxBlocksPerMultiProcessor = DeviceModel::max_blocks_per_multiprocessor;
  p.streamPrioritiesSupported = 1;
  p.globalL1CacheSupported = 1;
  p.localL1CacheSupported = 1;
  p.sharedMemPerMultiprocessor = static_cast<size_t>(model.shared_per_multiprocessor);
  p.sharedMemPerBlockOptin = static_cast<size_t>(model.shared_per_block_optin);
  p.reservedSharedMemPerBlock = DeviceModel::reserved_shared_per_block;
  p.regsPerMultiprocessor = DeviceModel::registers_per_multiprocessor;
  p.managedMemory = 1;
  p.concurrentManagedAccess = 1;
  p.computePreemptionSupported = 1;
  p.canUseHostPointerForRegisteredMem = 1;
  p.hostRegisterSupported = 1;
  p.memoryPoolsSupported = 1;
  p.hostNumaId = -1;
  p.gpuPciDeviceID = static_cast<unsigned>(model.pci_device_id) << 16 | 0x10de;
  return p;
}

// Attributes that no property tells, or only in another unit. Features that the emulator lacks
// (textures, cooperative launches, clusters, peers, sparse arrays) say 0, as on a device without
// them.
bool attribute_value(cudaDeviceAttr attribute, const cudaDeviceProp& p, int& value) {
  const DeviceModel& model = device_model();
  switch (attribute) {
    case cudaDevAttrMaxThreadsPerBlock:
      value = p.maxThreadsPerBlock;
      return true;
    case cudaDevAttrMaxBlockDimX:
      value = p.maxThreadsDim[0];
      return true;
    case cudaDevAttrMaxBlockDimY:
      value = p.maxThreadsDim[1];
      return true;
    case cudaDevAttrMaxBlockDimZ:
      value = p.maxThreadsDim[2];
      return true;
    case cudaDevAttrMaxGridDimX:
      value = p.maxGridSize[0];
      return true;
    case cudaDevAttrMaxGridDimY:
      value = p.maxGridSize[1];
      return true;
    case cudaDevAttrMaxGridDimZ:
      value = p.maxGridSize[2];
      return true;
    case cudaDevAttrMaxSharedMemoryPerBlock:
      value = static_cast<int>(p.sharedMemPerBlock);
      return true;
    case cudaDevAttrTotalConstantMemory:
      value = static_cast<int>(p.totalConstMem);
      return true;
    case cudaDevAttrWarpSize:
      value = p.warpSize;
      return true;
    case cudaDevAttrMaxPitch:
      value = static_cast<int>(p.memPitch);
      return true;
    case cudaDevAttrMaxRegistersPerBlock:
      value = p.regsPerBlock;
      return true;
    case cudaDevAttrClockRate:
      value = model.clock_khz;
      return true;
    case cudaDevAttrTextureAlignment:
      value = static_cast<int>(p.textureAlignment);
      return true;
    case cudaDevAttrTexturePitchAlignment:
      value = static_cast<int>(p.texturePitchAlignment);
      return true;
    case cudaDevAttrSurfaceAlignment:
      value = static_cast<int>(p.surfaceAlignment);
      return true;
    case cudaDevAttrGpuOverlap:
      value = 1;
      return true;
    case cudaDevAttrMultiProcessorCount:
      value = p.multiProcessorCount;
      return true;
    case cudaDevAttrCanMapHostMemory:
      value = p.canMapHostMemory;
      return true;
    case cudaDevAttrComputeMode:
      value = cudaComputeModeDefault;
      return true;
    case cudaDevAttrConcurrentKernels:
      value = p.concurrentKernels;
      return true;
    case cudaDevAttrEccEnabled:
      value = p.ECCEnabled;
      return true;
    case cudaDevAttrMemoryClockRate:
      value = model.memory_clock_khz;
      return true;
    case cudaDevAttrGlobalMemoryBusWidth:
      value = p.memoryBusWidth;
      return true;
    case cudaDevAttrL2CacheSize:
      value = p.l2CacheSize;
      return true;
    case cudaDevAttrMaxThreadsPerMultiProcessor:
      value = p.maxThreadsPerMultiProcessor;
      return true;
    case cudaDevAttrAsyncEngineCount:
      value = p.asyncEngineCount;
      return true;
    case cudaDevAttrUnifiedAddressing:
      value = p.unifiedAddressing;
      return true;
    case cudaDevAttrComputeCapabilityMajor:
      value = p.major;
      return true;
    case cudaDevAttrComputeCapabilityMinor:
      value = p.minor;
      return true;
    case cudaDevAttrStreamPrioritiesSupported:
      value = p.streamPrioritiesSupported;
      return true;
    case cudaDevAttrGlobalL1CacheSupported:
      value = p.globalL1CacheSupported;
      return true;
    case cudaDevAttrLocalL1CacheSupported:
      value = p.localL1CacheSupported;
      return true;
    case cudaDevAttrMaxSharedMemoryPerMultiprocessor:
      value = static_cast<int>(p.sharedMemPerMultiprocessor);
      return true;
    case cudaDevAttrMaxRegistersPerMultiprocessor:
      value = p.regsPerMultiprocessor;
      return true;
    case cudaDevAttrManagedMemory:
      value = p.managedMemory;
      return true;
    case cudaDevAttrSingleToDoublePrecisionPerfRatio:
      value = 2;
      return true;
    case cudaDevAttrConcurrentManagedAccess:
      value = p.concurrentManagedAccess;
      return true;
    case cudaDevAttrComputePreemptionSupported:
      value = p.computePreemptionSupported;
      return true;
    case cudaDevAttrCanUseHostPointerForRegisteredMem:
      value = p.canUseHostPointerForRegisteredMem;
      return true;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin:
      value = static_cast<int>(p.sharedMemPerBlockOptin);
      return true;
    case cudaDevAttrHostRegisterSupported:
      value = p.hostRegisterSupported;
      return true;
    case cudaDevAttrMaxBlocksPerMultiprocessor:
      value = p.maxBlocksPerMultiProcessor;
      return true;
    case cudaDevAttrMaxPersistingL2CacheSize:
      value = p.persistingL2CacheMaxSize;
      return true;
    case cudaDevAttrMaxAccessPolicyWindowSize:
      value = p.accessPolicyMaxWindowSize;
      return true;
    case cudaDevAttrReservedSharedMemoryPerBlock:
      value = static_cast<int>(p.reservedSharedMemPerBlock);
      return true;
    case cudaDevAttrMemoryPoolsSupported:
      value = p.memoryPoolsSupported;
      return true;
    case cudaDevAttrMemSyncDomainCount:
      value = 1;
      return true;
    case cudaDevAttrNumaId:
    case cudaDevAttrHostNumaId:
      value = -1;
      return true;
    case cudaDevAttrGpuPciDeviceId:
      value = static_cast<int>(p.gpuPciDeviceID);
      return true;
    default:
      value = 0;
      return attribute > 0 && attribute < cudaDevAttrMax;
  }
}

}  // namespace
}  // namespace cuemu::runtime

using namespace cuemu::runtime;

CUEMU_EXPORT cudaError_t cudaGetDeviceProperties(cudaDeviceProp* out, int device) {
  return api_call([&] {
    if (out == nullptr) return cudaErrorInvalidValue;
    if (device != 0) return cudaErrorInvalidDevice;
    *out = properties();
    return cudaSuccess;
  });
}

CUEMU_EXPORT cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  return api_call([&] {
    if (value == nullptr) return cudaErrorInvalidValue;
    if (device != 0) return cudaErrorInvalidDevice;
    return attribute_value(attribute, properties(), *value) ? cudaSuccess : cudaErrorInvalidValue;
  });
}
