// SPDX-License-Identifier: MIT
#include "base/pointer_queries.hpp"

#include <cuda.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <charconv>

#include "base/error.hpp"

namespace foldconv::host {
namespace {

using PointerGetAttribute = decltype(&cuPointerGetAttribute);

// Null where the driver has none. A look-up that failed is made again.
PointerGetAttribute driver_query() noexcept {
  static std::atomic<PointerGetAttribute> known = nullptr;
  if (const PointerGetAttribute query = known.load(std::memory_order_relaxed)) return query;
  constexpr unsigned int kCudaVersion = 12000;
  void* found = nullptr;
  cudaDriverEntryPointQueryResult result = cudaDriverEntryPointSymbolNotFound;
  if (cudaGetDriverEntryPointByVersion("cuPointerGetAttribute", &found, kCudaVersion,
                                       cudaEnableDefault, &result) != cudaSuccess) {
    cudaGetLastError();
    return nullptr;
  }
  if (result != cudaDriverEntryPointSuccess) return nullptr;
  const auto query = reinterpret_cast<PointerGetAttribute>(found);
  known.store(query, std::memory_order_relaxed);
  return query;
}

// Zeroes are given: of a boolean, the driver's documentation does not say how many bytes it has.
std::optional<std::uint64_t> driver_value(const void* pointer,
                                          CUpointer_attribute attribute) noexcept {
  const PointerGetAttribute query = driver_query();
  std::uint64_t value = 0;
  if (query == nullptr ||
      query(&value, attribute, reinterpret_cast<CUdeviceptr>(pointer)) != CUDA_SUCCESS)
    return std::nullopt;
  return value;
}

}  // namespace

Result<cudaPointerAttributes> attributes_of(const void* pointer) {
  cudaPointerAttributes attributes = {};
  const cudaError_t code = cudaPointerGetAttributes(&attributes, pointer);
  if (code == cudaSuccess) return attributes;
  if (code != cudaErrorInvalidValue) return cuda_failure(code, "cudaPointerGetAttributes");
  // What CUDA says of unknown memory where it does not call it unregistered; the next check of the last error must not
  // meet it.
  cudaGetLastError();
  attributes = {};
  attributes.type = cudaMemoryTypeUnregistered;
  return attributes;
}

std::optional<std::uint64_t> allocation_id(const void* pointer) noexcept {
  return driver_value(pointer, CU_POINTER_ATTRIBUTE_BUFFER_ID);
}

bool is_plain_allocation(const void* pointer) noexcept {
  return driver_value(pointer, CU_POINTER_ATTRIBUTE_IS_LEGACY_CUDA_IPC_CAPABLE).value_or(0) != 0;
}

bool host_can_read(const void* pointer) noexcept {
  // Linux reads the new mask before it sees that there is no such operation: EFAULT or EINVAL, and nothing changes.
  constexpr std::uintptr_t kMaskBytes = 8;
  const std::uintptr_t mask = reinterpret_cast<std::uintptr_t>(pointer) / kMaskBytes * kMaskBytes;
  constexpr int kNoOperation = -1;
  if (mask == 0) return false;  // "no new mask"
  return syscall(SYS_rt_sigprocmask, kNoOperation, mask, nullptr, kMaskBytes) == 0 ||
         errno != EFAULT;
}

std::string address_text(const void* pointer) {
  char digits[2 * sizeof(std::uintptr_t)];
  const auto end = std::to_chars(std::begin(digits), std::end(digits),
                                 reinterpret_cast<std::uintptr_t>(pointer), 16)
                       .ptr;
  return "0x" + std::string(digits, end);
}

}  // namespace foldconv::host
