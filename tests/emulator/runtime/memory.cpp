// SPDX-License-Identifier: MIT
#include "memory.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "device.hpp"
#include "device_model.hpp"
#include "errors.hpp"

namespace cuemu::runtime {
namespace {

constexpr size_t guard_bytes = 64 * 1024;  // on both sides of every allocation
// CUDA promises this alignment and no more: addresses are odd multiples, so that code that needs
// more is found out.
constexpr size_t alignment = 256;
constexpr int poison = 0xFF;  // NaN in every floating-point format, -1 in every integer one
constexpr size_t poison_file_bytes = 16 << 20;
// Freed addresses are not used again at once, so that a use after free is an access outside all
// memory.
constexpr size_t quarantined_allocations = 1024;

struct Allocation {
  void* mapping = nullptr;
  size_t mapping_bytes = 0;
  size_t size = 0;
  MemoryKind kind = MemoryKind::device;
  int device = 0;
  AllocationFacts facts;
};

struct Heap {
  std::mutex mutex;
  uint64_t allocated = 0;  // so far
  std::unordered_map<void*, Allocation> allocations;
  std::deque<Allocation> quarantine;
  std::array<size_t, most_devices> device_bytes{};
};

Heap& heap() {
  static Heap* const instance = new Heap;
  return *instance;
}

size_t round_up(size_t value, size_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

std::atomic<int>& sparse() {
  static std::atomic<int> value = [] {
    const char* const wanted = std::getenv("CUEMU_SPARSE");
    return wanted != nullptr && std::strcmp(wanted, "1") == 0;
  }();
  return value;
}

std::atomic<int> reuses_at_once{0};

// A file of poison in memory, to be mapped again and again; -1 when there can be none.
int poison_file() {
  static const int file = [] {
    const int created = memfd_create("cuemu poison", MFD_CLOEXEC);
    const std::vector<char> bytes(1 << 20, static_cast<char>(poison));
    for (size_t written = 0; created >= 0 && written < poison_file_bytes; written += bytes.size()) {
      if (write(created, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()))
        return -1;
    }
    return created;
  }();
  return file;
}

// Every page is the file's until it is written to.
bool poison_sparsely(std::byte* start, size_t bytes) {
  for (size_t done = 0; done < bytes; done += poison_file_bytes) {
    void* const mapped =
        mmap(start + done, std::min(poison_file_bytes, bytes - done), PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, poison_file(), 0);
    if (mapped == MAP_FAILED) return false;
  }
  return true;
}

bool make_poisoned(std::byte* start, size_t bytes) {
  if (sparse() != 0 && bytes > poison_file_bytes) return poison_sparsely(start, bytes);
  if (mprotect(start, bytes, PROT_READ | PROT_WRITE) != 0) return false;
  std::memset(start, poison, bytes);
  return true;
}

size_t host_bytes_available() {
  return static_cast<size_t>(sysconf(_SC_AVPHYS_PAGES)) *
         static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

// On the host, device memory is ordinary memory; the smaller of the two machines sets the limit,
// unless the program has promised to touch little.
size_t free_bytes(const Heap& state, int device) {
  const size_t total = device_model().memory_bytes;
  const size_t emulated = total - std::min(total, state.device_bytes[static_cast<size_t>(device)]);
  return sparse() != 0 ? emulated : std::min(emulated, host_bytes_available());
}

bool counts_as_device(MemoryKind kind) {
  return kind != MemoryKind::pinned_host;
}

// Addresses that nobody may touch: those of a freed allocation where they are to be used again, else
// new ones.
void* take_addresses(Heap& state, size_t bytes) {
  if (reuses_at_once != 0) {
    const auto fits = [&](const Allocation& freed) { return freed.mapping_bytes == bytes; };
    const auto found =
        std::ranges::find_if(state.quarantine.rbegin(), state.quarantine.rend(), fits);
    if (found != state.quarantine.rend()) {
      void* const mapping = found->mapping;
      state.quarantine.erase(std::prev(found.base()));
      return mapping;
    }
  }
  return mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

void retire(Heap& state, std::unordered_map<void*, Allocation>::iterator found) {
  const Allocation allocation = found->second;
  unregister_memory(found->first);
  state.allocations.erase(found);
  if (counts_as_device(allocation.kind)) {
    state.device_bytes[static_cast<size_t>(allocation.device)] -= allocation.size;
  }

  // Mapping over it gives the memory back and keeps the addresses taken.
  mmap(allocation.mapping, allocation.mapping_bytes, PROT_NONE,
       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
  state.quarantine.push_back(allocation);
  if (state.quarantine.size() > quarantined_allocations) {
    munmap(state.quarantine.front().mapping, state.quarantine.front().mapping_bytes);
    state.quarantine.pop_front();
  }
}

// One side of a copy: `device` asks for memory that kernels can reach, `host` for anything but
// device memory.
enum class Side { device, host, either };

bool side_is_valid(const void* address, size_t pitch, size_t width, size_t rows, Side side) {
  const size_t extent = pitch * (rows - 1) + width;
  const std::optional<MemoryRange> range = find_memory(address);
  if (!range) return side != Side::device;
  const auto* const start = static_cast<const std::byte*>(address);
  if (static_cast<size_t>(start - range->base) + extent > range->size) return false;
  const bool device_only =
      range->kind == MemoryKind::device || range->kind == MemoryKind::module_variable;
  return side != Side::host || !device_only;
}

}  // namespace

cudaError_t allocate(size_t size, MemoryKind kind, int device, void** address, Source source) {
  Heap& state = heap();
  const std::lock_guard lock(state.mutex);
  if (size > free_bytes(state, device)) return cudaErrorMemoryAllocation;

  Allocation allocation = {.size = size,
                           .kind = kind,
                           .device = device,
                           .facts = {.serial = ++state.allocated, .source = source}};
  const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const size_t usable = round_up(alignment + size, page);
  allocation.mapping_bytes = usable + 2 * guard_bytes;
  allocation.mapping = take_addresses(state, allocation.mapping_bytes);
  if (allocation.mapping == MAP_FAILED) return cudaErrorMemoryAllocation;
  std::byte* const start = static_cast<std::byte*>(allocation.mapping) + guard_bytes;
  if (!make_poisoned(start, usable)) {
    munmap(allocation.mapping, allocation.mapping_bytes);
    return cudaErrorMemoryAllocation;
  }

  *address = start + alignment;
  state.allocations.emplace(*address, allocation);
  if (counts_as_device(kind)) state.device_bytes[static_cast<size_t>(device)] += size;
  register_memory(*address, size, kind, device);
  return cudaSuccess;
}

cudaError_t release(void* address, ReleasedAs as) {
  Heap& state = heap();
  const std::lock_guard lock(state.mutex);
  const auto found = state.allocations.find(address);
  if (found == state.allocations.end()) return cudaErrorInvalidValue;
  if ((as == ReleasedAs::host) != (found->second.kind == MemoryKind::pinned_host)) {
    return cudaErrorInvalidValue;
  }
  retire(state, found);
  return cudaSuccess;
}

void release_everything(int device) {
  Heap& state = heap();
  const std::lock_guard lock(state.mutex);
  for (auto next = state.allocations.begin(); next != state.allocations.end();) {
    const auto found = next++;
    const Allocation& allocation = found->second;
    if (allocation.device == device && allocation.facts.source == Source::device)
      retire(state, found);
  }
}

std::optional<AllocationFacts> allocation_at(const void* base) {
  Heap& state = heap();
  const std::lock_guard lock(state.mutex);
  const auto found = state.allocations.find(const_cast<void*>(base));
  if (found == state.allocations.end()) return std::nullopt;
  return found->second.facts;
}

LiveMemory live_memory() {
  Heap& state = heap();
  const std::lock_guard lock(state.mutex);
  LiveMemory live = {.allocations = state.allocations.size()};
  for (const auto& [address, allocation] : state.allocations) live.bytes += allocation.size;
  return live;
}

int set_sparse(int value) {
  return sparse().exchange(value);
}

int set_reuse(int value) {
  return reuses_at_once.exchange(value);
}

size_t device_bytes_free(int device) {
  Heap& state = heap();
  const std::lock_guard lock(state.mutex);
  return free_bytes(state, device);
}

cudaError_t check_copy(const CopyOperation& copy) {
  if (copy.width == 0 || copy.rows == 0) return cudaSuccess;
  if (copy.rows > 1 && (copy.width > copy.destination_pitch || copy.width > copy.source_pitch)) {
    return cudaErrorInvalidPitchValue;
  }
  Side to = Side::either, from = Side::either;
  switch (copy.kind) {
    case cudaMemcpyHostToHost:
      to = from = Side::host;
      break;
    case cudaMemcpyHostToDevice:
      to = Side::device, from = Side::host;
      break;
    case cudaMemcpyDeviceToHost:
      to = Side::host, from = Side::device;
      break;
    case cudaMemcpyDeviceToDevice:
      to = from = Side::device;
      break;
    case cudaMemcpyDefault:
      break;
    default:
      return cudaErrorInvalidMemcpyDirection;
  }
  const bool valid =
      side_is_valid(copy.destination, copy.destination_pitch, copy.width, copy.rows, to) &&
      side_is_valid(copy.source, copy.source_pitch, copy.width, copy.rows, from);
  return valid ? cudaSuccess : cudaErrorInvalidValue;
}

cudaError_t check_fill(const FillOperation& fill) {
  const size_t width = fill.width * fill.element_bytes;
  if (width == 0 || fill.rows == 0) return cudaSuccess;
  if (fill.rows > 1 && width > fill.pitch) return cudaErrorInvalidPitchValue;
  return side_is_valid(fill.destination, fill.pitch, width, fill.rows, Side::device)
             ? cudaSuccess
             : cudaErrorInvalidValue;
}

cudaError_t check_fill_by(int device, const FillOperation& fill) {
  const std::optional<MemoryRange> range = find_memory(fill.destination);
  const bool elsewhere = range && range->kind == MemoryKind::device && range->device != device;
  return elsewhere ? cudaErrorInvalidValue : check_fill(fill);
}

}  // namespace cuemu::runtime
