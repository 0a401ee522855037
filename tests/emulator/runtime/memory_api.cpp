// SPDX-License-Identifier: MIT
// Allocation: cudaMalloc and its relatives.
#include <algorithm>
#include <unordered_map>

#include "api.hpp"
#include "capture.hpp"
#include "device.hpp"
#include "device_model.hpp"
#include "late_copies.hpp"
#include "memory.hpp"

namespace cuemu::runtime {
namespace {

constexpr size_t pitch_alignment = 512;

// The host ranges that the program registered itself: they are not the runtime's to free.
struct HostRegistrations {
  std::mutex mutex;
  std::unordered_map<const void*, unsigned> flags_of_base;
};

HostRegistrations& host_registrations() {
  static HostRegistrations* const instance = new HostRegistrations;
  return *instance;
}

cudaError_t allocate_outside_streams(void** address, size_t size, MemoryKind kind) {
  return api_call([&] {
    if (address == nullptr) return cudaErrorInvalidValue;
    if (const cudaError_t result = check_unsafe_call(); result != cudaSuccess) return result;
    *address = nullptr;
    return size == 0 ? cudaSuccess : allocate(size, kind, current_device(), address);
  });
}

// Copies from or to the memory must have arrived.
cudaError_t release_when_idle(void* address, ReleasedAs as) {
  land_all();
  return release(address, as);
}

cudaError_t release_outside_streams(void* address, ReleasedAs as) {
  return api_call([&] {
    if (const cudaError_t result = check_unsafe_call(); result != cudaSuccess) return result;
    return address == nullptr ? cudaSuccess : release_when_idle(address, as);
  });
}

// Allocation ordered by a stream; a graph would need its own memory, which the emulator does not
// model.
cudaError_t with_uncaptured_stream(cudaStream_t handle, cudaStream_t implicit, auto&& body) {
  return api_call([&] {
    Stream* stream = nullptr;
    if (const cudaError_t result = find_stream(handle, implicit, stream); result != cudaSuccess) {
      return result;
    }
    {
      const std::lock_guard lock(stream_mutex());
      if (stream->capture != nullptr) {
        stream->capture->invalidated = true;
        return not_supported("allocating memory within a graph");
      }
      if (const cudaError_t result = check_implicit_dependency(*stream); result != cudaSuccess) {
        return result;
      }
    }
    return body(*stream);
  });
}

cudaError_t allocate_in_stream(void** address, size_t size, cudaStream_t stream,
                               cudaStream_t implicit_stream) {
  return with_uncaptured_stream(stream, implicit_stream, [&](const Stream& allocating) {
    if (address == nullptr) return cudaErrorInvalidValue;
    *address = nullptr;
    return size == 0 ? cudaSuccess
                     : allocate(size, MemoryKind::device, allocating.device, address, Source::pool);
  });
}

bool is_managed(const void* address, size_t bytes) {
  const std::optional<MemoryRange> range = find_memory(address);
  if (!range || range->kind != MemoryKind::managed) return false;
  const auto offset = static_cast<size_t>(static_cast<const std::byte*>(address) - range->base);
  return bytes <= range->size - offset;
}

}  // namespace
}  // namespace cuemu::runtime

using namespace cuemu;
using namespace cuemu::runtime;

CUEMU_API(cudaMalloc, (void** address, size_t size),
          { return allocate_outside_streams(address, size, MemoryKind::device); })

CUEMU_API(cudaMallocManaged, (void** address, size_t size, unsigned flags), {
  if (flags != cudaMemAttachGlobal && flags != cudaMemAttachHost) {
    return pure_call([] { return cudaErrorInvalidValue; });
  }
  return allocate_outside_streams(address, size, MemoryKind::managed);
})

CUEMU_API(cudaMallocPitch, (void** address, size_t* pitch, size_t width, size_t height), {
  if (pitch == nullptr) return pure_call([] { return cudaErrorInvalidValue; });
  *pitch = (width + pitch_alignment - 1) / pitch_alignment * pitch_alignment;
  return allocate_outside_streams(address, *pitch * height, MemoryKind::device);
})

CUEMU_API(cudaFree, (void* address),
          { return release_outside_streams(address, ReleasedAs::device); })

CUEMU_STREAM_API(cudaMallocAsync, (void** address, size_t size, cudaStream_t stream),
                 { return allocate_in_stream(address, size, stream, implicit_stream); })

CUEMU_STREAM_API(cudaMallocFromPoolAsync,
                 (void** address, size_t size, cudaMemPool_t, cudaStream_t stream),
                 { return allocate_in_stream(address, size, stream, implicit_stream); })

CUEMU_STREAM_API(cudaFreeAsync, (void* address, cudaStream_t stream), {
  return with_uncaptured_stream(stream, implicit_stream, [&](const Stream&) {
    return address == nullptr ? cudaSuccess : release_when_idle(address, ReleasedAs::device);
  });
})

CUEMU_API(cudaMallocHost, (void** address, size_t size),
          { return allocate_outside_streams(address, size, MemoryKind::pinned_host); })

CUEMU_API(cudaHostAlloc, (void** address, size_t size, unsigned flags), {
  constexpr unsigned known_flags =
      cudaHostAllocPortable | cudaHostAllocMapped | cudaHostAllocWriteCombined;
  if ((flags & ~known_flags) != 0) return pure_call([] { return cudaErrorInvalidValue; });
  return allocate_outside_streams(address, size, MemoryKind::pinned_host);
})

CUEMU_API(cudaFreeHost, (void* address),
          { return release_outside_streams(address, ReleasedAs::host); })

CUEMU_API(cudaHostRegister, (void* address, size_t size, unsigned flags), {
  return api_call([&] {
    if (address == nullptr || size == 0) return cudaErrorInvalidValue;
    if (const cudaError_t result = check_unsafe_call(); result != cudaSuccess) return result;
    HostRegistrations& known = host_registrations();
    const std::lock_guard lock(known.mutex);
    const auto* const last = static_cast<const std::byte*>(address) + size - 1;
    if (find_memory(address) || find_memory(last)) return cudaErrorHostMemoryAlreadyRegistered;
    register_memory(address, size, MemoryKind::pinned_host, current_device());
    known.flags_of_base.emplace(address, flags);
    return cudaSuccess;
  });
})

CUEMU_API(cudaHostUnregister, (void* address), {
  return api_call([&] {
    if (const cudaError_t result = check_unsafe_call(); result != cudaSuccess) return result;
    HostRegistrations& known = host_registrations();
    const std::lock_guard lock(known.mutex);
    if (known.flags_of_base.erase(address) == 0) return cudaErrorHostMemoryNotRegistered;
    land_all();
    unregister_memory(address);
    return cudaSuccess;
  });
})

// Host and device share one address space.
CUEMU_API(cudaHostGetDevicePointer, (void** device, void* host, unsigned flags), {
  return api_call([&] {
    const std::optional<MemoryRange> range = find_memory(host);
    if (device == nullptr || flags != 0 || !range || range->kind != MemoryKind::pinned_host) {
      return cudaErrorInvalidValue;
    }
    *device = host;
    return cudaSuccess;
  });
})

CUEMU_API(cudaHostGetFlags, (unsigned* flags, void* host), {
  return api_call([&] {
    const std::optional<MemoryRange> range = find_memory(host);
    if (flags == nullptr || !range || range->kind != MemoryKind::pinned_host) {
      return cudaErrorInvalidValue;
    }
    HostRegistrations& known = host_registrations();
    const std::lock_guard lock(known.mutex);
    const auto registered = known.flags_of_base.find(range->base);
    *flags = registered != known.flags_of_base.end() ? registered->second : cudaHostAllocMapped;
    return cudaSuccess;
  });
})

// Host and device see the same managed memory, so where it lies is of no consequence.
CUEMU_STREAM_API(cudaMemPrefetchAsync,
                 (const void* address, size_t bytes, cudaMemLocation, unsigned,
                  cudaStream_t stream),
                 {
                   return api_call([&] {
                     if (!is_managed(address, bytes)) return cudaErrorInvalidValue;
                     return submit(stream, implicit_stream, EmptyOperation{});
                   });
                 })

CUEMU_API(cudaMemAdvise, (const void* address, size_t bytes, cudaMemoryAdvise, cudaMemLocation), {
  return api_call([&] { return is_managed(address, bytes) ? cudaSuccess : cudaErrorInvalidValue; });
})

CUEMU_API(cudaMemGetInfo, (size_t * free, size_t* total), {
  return api_call([&] {
    if (free != nullptr) *free = device_bytes_free(current_device());
    if (total != nullptr) *total = device_model().memory_bytes;
    return cudaSuccess;
  });
})
