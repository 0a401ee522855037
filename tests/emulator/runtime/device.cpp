// Device management: there is one device, and it is always ready.
#include <atomic>
#include <cstdio>
#include <cstring>

#include "api.hpp"
#include "capture.hpp"
#include "device_model.hpp"
#include "memory.hpp"

namespace cuemu::runtime {
namespace {

constexpr int runtime_version = CUDART_VERSION;
constexpr char pci_bus_id[] = "0000:00:00.0";

std::atomic<unsigned> device_flags{cudaDeviceScheduleAuto};
std::atomic<cudaFuncCache> device_cache_config{cudaFuncCachePreferNone};

// Start values of a real device. The emulator has no such limits; a program finds the values it has
// set.
std::atomic<size_t>* find_limit(cudaLimit limit) {
  static std::atomic<size_t> stack{1024}, printf_buffer{7 << 20}, heap{8 << 20}, granularity{64},
      persisting{0};
  switch (limit) {
    case cudaLimitStackSize:
      return &stack;
    case cudaLimitPrintfFifoSize:
      return &printf_buffer;
    case cudaLimitMallocHeapSize:
      return &heap;
    case cudaLimitMaxL2FetchGranularity:
      return &granularity;
    case cudaLimitPersistingL2CacheSize:
      return &persisting;
    default:
      return nullptr;
  }
}

// The pool is only a handle: stream-ordered allocations come from the same heap as the others.
cudaMemPool_t default_pool() {
  static char pool;
  return reinterpret_cast<cudaMemPool_t>(&pool);
}

cudaError_t for_device(int device, auto&& body) {
  return api_call([&] { return device == 0 ? body() : cudaErrorInvalidDevice; });
}

cudaError_t pool_of(int device, cudaMemPool_t* pool) {
  return for_device(device, [&] {
    *pool = default_pool();
    return cudaSuccess;
  });
}

}  // namespace
}  // namespace cuemu::runtime

using namespace cuemu::runtime;

CUEMU_API(cudaGetDeviceCount, (int* count), {
  return api_call([&] {
    if (count == nullptr) return cudaErrorInvalidValue;
    device_model();
    *count = 1;
    return cudaSuccess;
  });
})

CUEMU_API(cudaGetDevice, (int* device), {
  return api_call([&] {
    if (device == nullptr) return cudaErrorInvalidValue;
    *device = 0;
    return cudaSuccess;
  });
})

CUEMU_API(cudaSetDevice, (int device), { return for_device(device, [] { return cudaSuccess; }); })

CUEMU_API(cudaInitDevice, (int device, unsigned, unsigned),
          { return for_device(device, [] { return cudaSuccess; }); })

CUEMU_API(cudaSetDeviceFlags, (unsigned flags), {
  return api_call([&] {
    device_flags = flags;
    return cudaSuccess;
  });
})

CUEMU_API(cudaGetDeviceFlags, (unsigned* flags), {
  return api_call([&] {
    *flags = device_flags;
    return cudaSuccess;
  });
})

CUEMU_API(cudaDeviceSynchronize, (), {
  return api_call([] {
    {
      const std::lock_guard lock(stream_mutex());
      if (const cudaError_t result = check_waiting(nullptr); result != cudaSuccess) return result;
    }
    return check_unsafe_call();
  });
})

// Frees what the program allocated. A kernel fault stays: as on a GPU, only a new process gets rid
// of it.
CUEMU_API(cudaDeviceReset, (), {
  return api_call([] {
    if (const cudaError_t result = check_unsafe_call(); result != cudaSuccess) return result;
    release_everything();
    return cudaSuccess;
  });
})

CUEMU_API(cudaDriverGetVersion, (int* version), {
  return pure_call([&] {
    if (version == nullptr) return cudaErrorInvalidValue;
    *version = runtime_version;
    return cudaSuccess;
  });
})

CUEMU_API(cudaRuntimeGetVersion, (int* version), {
  return pure_call([&] {
    if (version == nullptr) return cudaErrorInvalidValue;
    *version = runtime_version;
    return cudaSuccess;
  });
})

CUEMU_API(cudaDeviceGetPCIBusId, (char* text, int length, int device), {
  return for_device(device, [&] {
    if (text == nullptr || length <= 0) return cudaErrorInvalidValue;
    std::snprintf(text, static_cast<size_t>(length), "%s", pci_bus_id);
    return cudaSuccess;
  });
})

CUEMU_API(cudaDeviceGetByPCIBusId, (int* device, const char* text), {
  return api_call([&] {
    if (device == nullptr || text == nullptr) return cudaErrorInvalidValue;
    if (std::strcmp(text, pci_bus_id) != 0) return cudaErrorInvalidDevice;
    *device = 0;
    return cudaSuccess;
  });
})

CUEMU_API(cudaDeviceCanAccessPeer, (int* can_access, int device, int), {
  return for_device(device, [&] {
    *can_access = 0;
    return cudaSuccess;
  });
})

CUEMU_API(cudaDeviceGetCacheConfig, (cudaFuncCache * config), {
  return api_call([&] {
    *config = device_cache_config;
    return cudaSuccess;
  });
})

CUEMU_API(cudaDeviceSetCacheConfig, (cudaFuncCache config), {
  return api_call([&] {
    device_cache_config = config;
    return cudaSuccess;
  });
})

CUEMU_API(cudaDeviceGetLimit, (size_t * value, cudaLimit limit), {
  return api_call([&] {
    if (value == nullptr) return cudaErrorInvalidValue;
    const std::atomic<size_t>* const found = find_limit(limit);
    if (found == nullptr) return cudaErrorUnsupportedLimit;
    *value = *found;
    return cudaSuccess;
  });
})

CUEMU_API(cudaDeviceSetLimit, (cudaLimit limit, size_t value), {
  return api_call([&] {
    std::atomic<size_t>* const found = find_limit(limit);
    if (found == nullptr) return cudaErrorUnsupportedLimit;
    *found = value;
    return cudaSuccess;
  });
})

CUEMU_API(cudaCtxResetPersistingL2Cache, (), { return api_call([] { return cudaSuccess; }); })

CUEMU_API(cudaDeviceGetDefaultMemPool, (cudaMemPool_t * pool, int device),
          { return pool_of(device, pool); })

CUEMU_API(cudaDeviceGetMemPool, (cudaMemPool_t * pool, int device),
          { return pool_of(device, pool); })

CUEMU_API(cudaMemPoolSetAttribute, (cudaMemPool_t pool, cudaMemPoolAttr, void* value), {
  return api_call([&] {
    return pool == default_pool() && value != nullptr ? cudaSuccess : cudaErrorInvalidValue;
  });
})

CUEMU_API(cudaMemPoolTrimTo, (cudaMemPool_t pool, size_t), {
  return api_call([&] { return pool == default_pool() ? cudaSuccess : cudaErrorInvalidValue; });
})
