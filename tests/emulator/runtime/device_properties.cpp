// SPDX-License-Identifier: MIT
// What the emulated devices say of themselves.
#include <algorithm>
#include <cstring>
#include <vector>

#include "api.hpp"
#include "device.hpp"
#include "device_model.hpp"

namespace cuemu::runtime {
namespace {

cudaDeviceProp properties(int device) {
  const DeviceModel& model = device_model();
  cudaDeviceProp p = {};
  std::strncpy(p.name, model.name, sizeof p.name - 1);
  std::memcpy(p.uuid.bytes, "cuda-emulator", 13);
  p.uuid.bytes[15] = static_cast<char>(device);
  p.pciBusID = device;
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
  p.ECCEnabled = model.ecc ? 1 : 0;
  p.asyncEngineCount = model.async_engines;
  p.unifiedAddressing = 1;
  p.memoryBusWidth = model.memory_bus_bits;
  p.l2CacheSize = model.l2_bytes;
  p.persistingL2CacheMaxSize = model.persisting_l2_bytes;
  p.accessPolicyMaxWindowSize = 128 << 20;
  p.maxThreadsPerMultiProcessor = model.max_threads_per_multiprocessor;
  p.maxBlocksPerMultiProcessor = model.max_blocks_per_multiprocessor;
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
  p.clusterLaunch = model.has_clusters() ? 1 : 0;
  p.cooperativeLaunch = 1;
  p.gpuPciDeviceID = static_cast<unsigned>(model.pci_device_id) << 16 | 0x10de;
  return p;
}

struct AttributeValue {
  cudaDeviceAttr attribute;
  int value;

  template <typename T>
  AttributeValue(cudaDeviceAttr id, T number) : attribute(id), value(static_cast<int>(number)) {}
};

// Every attribute that is not 0. Features that the emulator lacks (textures, peers, sparse
// arrays) say 0, as on a device without them.
std::vector<AttributeValue> attribute_values() {
  const DeviceModel& model = device_model();
  const cudaDeviceProp p = properties(0);
  return {
      {cudaDevAttrMaxThreadsPerBlock, p.maxThreadsPerBlock},
      {cudaDevAttrMaxBlockDimX, p.maxThreadsDim[0]},
      {cudaDevAttrMaxBlockDimY, p.maxThreadsDim[1]},
      {cudaDevAttrMaxBlockDimZ, p.maxThreadsDim[2]},
      {cudaDevAttrMaxGridDimX, p.maxGridSize[0]},
      {cudaDevAttrMaxGridDimY, p.maxGridSize[1]},
      {cudaDevAttrMaxGridDimZ, p.maxGridSize[2]},
      {cudaDevAttrMaxSharedMemoryPerBlock, p.sharedMemPerBlock},
      {cudaDevAttrTotalConstantMemory, p.totalConstMem},
      {cudaDevAttrWarpSize, p.warpSize},
      {cudaDevAttrMaxPitch, p.memPitch},
      {cudaDevAttrMaxRegistersPerBlock, p.regsPerBlock},
      {cudaDevAttrClockRate, model.clock_khz},
      {cudaDevAttrTextureAlignment, p.textureAlignment},
      {cudaDevAttrTexturePitchAlignment, p.texturePitchAlignment},
      {cudaDevAttrSurfaceAlignment, p.surfaceAlignment},
      {cudaDevAttrGpuOverlap, 1},
      {cudaDevAttrMultiProcessorCount, p.multiProcessorCount},
      {cudaDevAttrCanMapHostMemory, p.canMapHostMemory},
      {cudaDevAttrComputeMode, cudaComputeModeDefault},
      {cudaDevAttrConcurrentKernels, p.concurrentKernels},
      {cudaDevAttrEccEnabled, p.ECCEnabled},
      {cudaDevAttrMemoryClockRate, model.memory_clock_khz},
      {cudaDevAttrGlobalMemoryBusWidth, p.memoryBusWidth},
      {cudaDevAttrL2CacheSize, p.l2CacheSize},
      {cudaDevAttrMaxThreadsPerMultiProcessor, p.maxThreadsPerMultiProcessor},
      {cudaDevAttrAsyncEngineCount, p.asyncEngineCount},
      {cudaDevAttrUnifiedAddressing, p.unifiedAddressing},
      {cudaDevAttrComputeCapabilityMajor, p.major},
      {cudaDevAttrComputeCapabilityMinor, p.minor},
      {cudaDevAttrStreamPrioritiesSupported, p.streamPrioritiesSupported},
      {cudaDevAttrGlobalL1CacheSupported, p.globalL1CacheSupported},
      {cudaDevAttrLocalL1CacheSupported, p.localL1CacheSupported},
      {cudaDevAttrMaxSharedMemoryPerMultiprocessor, p.sharedMemPerMultiprocessor},
      {cudaDevAttrMaxRegistersPerMultiprocessor, p.regsPerMultiprocessor},
      {cudaDevAttrManagedMemory, p.managedMemory},
      {cudaDevAttrSingleToDoublePrecisionPerfRatio, 2},
      {cudaDevAttrConcurrentManagedAccess, p.concurrentManagedAccess},
      {cudaDevAttrClusterLaunch, p.clusterLaunch},
      {cudaDevAttrCooperativeLaunch, p.cooperativeLaunch},
      {cudaDevAttrComputePreemptionSupported, p.computePreemptionSupported},
      {cudaDevAttrCanUseHostPointerForRegisteredMem, p.canUseHostPointerForRegisteredMem},
      {cudaDevAttrMaxSharedMemoryPerBlockOptin, p.sharedMemPerBlockOptin},
      {cudaDevAttrHostRegisterSupported, p.hostRegisterSupported},
      {cudaDevAttrMaxBlocksPerMultiprocessor, p.maxBlocksPerMultiProcessor},
      {cudaDevAttrMaxPersistingL2CacheSize, p.persistingL2CacheMaxSize},
      {cudaDevAttrMaxAccessPolicyWindowSize, p.accessPolicyMaxWindowSize},
      {cudaDevAttrReservedSharedMemoryPerBlock, p.reservedSharedMemPerBlock},
      {cudaDevAttrMemoryPoolsSupported, p.memoryPoolsSupported},
      {cudaDevAttrMemSyncDomainCount, 1},
      {cudaDevAttrNumaId, -1},
      {cudaDevAttrHostNumaId, -1},
      {cudaDevAttrGpuPciDeviceId, p.gpuPciDeviceID},
  };
}

bool find_attribute(cudaDeviceAttr attribute, int& value) {
  static const auto* const known = new std::vector<AttributeValue>(attribute_values());
  const auto found = std::ranges::find(*known, attribute, &AttributeValue::attribute);
  value = found != known->end() ? found->value : 0;
  return attribute > 0 && attribute < cudaDevAttrMax;
}

}  // namespace
}  // namespace cuemu::runtime

using namespace cuemu::runtime;

CUEMU_API(cudaGetDeviceProperties, (cudaDeviceProp * out, int device), {
  return api_call([&] {
    if (out == nullptr) return cudaErrorInvalidValue;
    if (!is_device(device)) return cudaErrorInvalidDevice;
    *out = properties(device);
    return cudaSuccess;
  });
})

CUEMU_API(cudaDeviceGetAttribute, (int* value, cudaDeviceAttr attribute, int device), {
  return api_call([&] {
    if (value == nullptr) return cudaErrorInvalidValue;
    if (!is_device(device)) return cudaErrorInvalidDevice;
    if (attribute == cudaDevAttrPciBusId) {
      *value = device;
      return cudaSuccess;
    }
    return find_attribute(attribute, *value) ? cudaSuccess : cudaErrorInvalidValue;
  });
})
