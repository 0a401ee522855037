// SPDX-License-Identifier: MIT
// What CUDA knows of a pointer: the runtime's function and the driver's.
#include "pointer_attributes.hpp"

#include <cuda.h>

#include "api.hpp"
#include "device.hpp"
#include "memory.hpp"

namespace cuemu::runtime {
namespace {

// Memory of one device is no other's: none has peers.
bool is_reached_by(int device, const MemoryRange& range) {
  return range.device == device || range.kind == MemoryKind::managed ||
         range.kind == MemoryKind::pinned_host;
}

cudaPointerAttributes unregistered(void* pointer) {
  cudaPointerAttributes attributes = {};
  attributes.type = cudaMemoryTypeUnregistered;
  attributes.device = cudaInvalidDeviceId;
  attributes.hostPointer = pointer;
  return attributes;
}

cudaPointerAttributes attributes_of(void* pointer) {
  const std::optional<MemoryRange> range = find_memory(pointer);
  if (!range) return unregistered(pointer);
  cudaPointerAttributes attributes = {};
  attributes.device = range->device;
  if (is_reached_by(current_device(), *range)) attributes.devicePointer = pointer;
  switch (range->kind) {
    case MemoryKind::device:
    case MemoryKind::module_variable:
      attributes.type = cudaMemoryTypeDevice;
      break;
    case MemoryKind::managed:
      attributes.type = cudaMemoryTypeManaged;
      attributes.hostPointer = pointer;
      break;
    case MemoryKind::pinned_host:
      attributes.type = cudaMemoryTypeHost;
      attributes.hostPointer = pointer;
      break;
  }
  return attributes;
}

template <class Value>
CUresult write(void* to, Value value) {
  *static_cast<Value*>(to) = value;
  return CUDA_SUCCESS;
}

CUresult get_attribute(void* data, CUpointer_attribute attribute, CUdeviceptr address) {
  const auto* const pointer = reinterpret_cast<const std::byte*>(address);
  const std::optional<MemoryRange> range = find_memory(pointer);
  if (data == nullptr || !range) return CUDA_ERROR_INVALID_VALUE;
  const std::optional<AllocationFacts> allocation = allocation_at(range->base);
  switch (attribute) {
    case CU_POINTER_ATTRIBUTE_BUFFER_ID:
      return allocation ? write<unsigned long long>(data, allocation->serial)
                        : CUDA_ERROR_INVALID_VALUE;
    case CU_POINTER_ATTRIBUTE_IS_LEGACY_CUDA_IPC_CAPABLE:
      return write<int>(data, allocation && allocation->source == Source::device &&
                                  range->kind == MemoryKind::device);
    case CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL:
      return write<int>(data, range->device);
    case CU_POINTER_ATTRIBUTE_RANGE_START_ADDR:
      return write<const void*>(data, range->base);
    case CU_POINTER_ATTRIBUTE_RANGE_SIZE:
      return write<size_t>(data, range->size);
    default:
      not_supported("a pointer attribute of the driver");
      return CUDA_ERROR_NOT_SUPPORTED;
  }
}

}  // namespace

void* find_pointer_function(std::string_view name) {
  // Of the driver's own type, so that a program may cast to it.
  static constexpr decltype(&cuPointerGetAttribute) function = &get_attribute;
  return name == "cuPointerGetAttribute" ? reinterpret_cast<void*>(function) : nullptr;
}

}  // namespace cuemu::runtime

using namespace cuemu::runtime;

CUEMU_API(cudaPointerGetAttributes, (cudaPointerAttributes * attributes, const void* address), {
  return api_call([&] {
    if (attributes == nullptr) return cudaErrorInvalidValue;
    *attributes = attributes_of(const_cast<void*>(address));
    return cudaSuccess;
  });
})
