// SPDX-License-Identifier: MIT
// Device management. The devices are all alike and always ready.
#include "device.hpp"

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "api.hpp"
#include "capture.hpp"
#include "device_model.hpp"
#include "late_copies.hpp"
#include "memory.hpp"

namespace cuemu::runtime {
namespace {

constexpr int runtime_version = CUDART_VERSION;

thread_local int device_of_this_thread = 0;

int chosen_device_count() {
  const char* const value = std::getenv("CUEMU_DEVICES");
  if (value == nullptr) return 1;
  const int count = std::atoi(value);
  if (count >= 1 && count <= most_devices) return count;
  print_message(std::string("CUEMU_DEVICES=") + value + " is not a number from 1 to " +
                std::to_string(most_devices));
  std::_Exit(1);
}

std::string pci_bus_id(int device) {
  char text[24];
  std::snprintf(text, sizeof text, "0000:%02x:00.0", static_cast<unsigned>(device));
  return text;
}

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

// A pool is only a handle: stream-ordered allocations come from the same heap as the others.
char default_pools[most_devices];

bool is_pool(cudaMemPool_t pool) {
  const auto* const place = reinterpret_cast<const char*>(pool);
  return place >= default_pools && place < default_pools + device_count();
}

cudaError_t for_device(int device, auto&& body) {
  return api_call([&] { return is_device(device) ? body() : cudaErrorInvalidDevice; });
}

cudaError_t pool_of(int device, cudaMemPool_t* pool) {
  return for_device(device, [&] {
    *pool = reinterpret_cast<cudaMemPool_t>(&default_pools[device]);
    return cudaSuccess;
  });
}

}  // namespace

int device_count() {
  static const int count = chosen_device_count();
  return count;
}

int current_device() {
  return device_of_this_thread;
}

}  // namespace cuemu::runtime

using namespace cuemu::runtime;

CUEMU_API(cudaGetDeviceCount, (int* count), {
  return api_call([&] {
    if (count == nullptr) return cudaErrorInvalidValue;
    device_model();
    *count = device_count();
    return cudaSuccess;
  });
})

CUEMU_API(cudaGetDevice, (int* device), {
  return api_call([&] {
    if (device == nullptr) return cudaErrorInvalidValue;
    *device = current_device();
    return cudaSuccess;
  });
})

CUEMU_API(cudaSetDevice, (int device), {
  return for_device(device, [&] {
    device_of_this_thread = device;
    return cudaSuccess;
  });
})

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
      all_kernels_have_ended();
    }
    const cudaError_t result = check_unsafe_call();
    if (result == cudaSuccess) land_all_of(current_device());
    return result;
  });
})

// Frees what the program allocated. A kernel fault stays: as on a GPU, only a new process gets rid
// of it.
CUEMU_API(cudaDeviceReset, (), {
  return api_call([] {
    if (const cudaError_t result = check_unsafe_call(); result != cudaSuccess) return result;
    land_all();
    release_everything(current_device());
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
    std::snprintf(text, static_cast<size_t>(length), "%s", pci_bus_id(device).c_str());
    return cudaSuccess;
  });
})

CUEMU_API(cudaDeviceGetByPCIBusId, (int* device, const char* text), {
  return api_call([&] {
    if (device == nullptr || text == nullptr) return cudaErrorInvalidValue;
    for (int number = 0; number < device_count(); ++number) {
      if (pci_bus_id(number) != text) continue;
      *device = number;
      return cudaSuccess;
    }
    return cudaErrorInvalidDevice;
  });
})

CUEMU_API(cudaDeviceCanAccessPeer, (int* can_access, int device, int peer), {
  return for_device(device, [&] {
    if (can_access == nullptr) return cudaErrorInvalidValue;
    if (!is_device(peer)) return cudaErrorInvalidDevice;
    *can_access = 0;
    return cudaSuccess;
  });
})

CUEMU_API(cudaDeviceEnablePeerAccess, (int peer, unsigned), {
  return for_device(peer, [&] {
    return peer == current_device() ? cudaErrorInvalidDevice : cudaErrorPeerAccessUnsupported;
  });
})

CUEMU_API(cudaDeviceDisablePeerAccess, (int peer),
          { return for_device(peer, [] { return cudaErrorPeerAccessNotEnabled; }); })

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
  return api_call(
      [&] { return is_pool(pool) && value != nullptr ? cudaSuccess : cudaErrorInvalidValue; });
})

CUEMU_API(cudaMemPoolTrimTo, (cudaMemPool_t pool, size_t),
          { return api_call([&] { return is_pool(pool) ? cudaSuccess : cudaErrorInvalidValue; }); })
