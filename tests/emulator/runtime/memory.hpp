// SPDX-License-Identifier: MIT
// Memory of the emulated device, and the checks that copies and fills stay inside it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "operations.hpp"

namespace cuemu::runtime {

// Of a pool: by cudaMallocAsync and its like, from the device's memory pool.
enum class Source { device, pool };

// Fresh memory of that kind, filled with 0xFF, between guard gaps. Fails as a full device would.
cudaError_t allocate(size_t size, MemoryKind kind, int device, void** address,
                     Source source = Source::device);

// Fails unless `address` is what allocate() returned and the memory is of that kind.
enum class ReleasedAs { device, host };
cudaError_t release(void* address, ReleasedAs as);

// What cudaDeviceReset() frees: a pool's memory stays.
void release_everything(int device);

// Of an allocation that begins at `base`: its number, which no other of the process ever has.
struct AllocationFacts {
  uint64_t serial = 0;
  Source source = Source::device;
};
std::optional<AllocationFacts> allocation_at(const void* base);

// Whether device memory is given whatever the host's memory, and takes some of it only where it is
// written to. Returns the old value.
int set_sparse(int value);

// Whether freed addresses are given out again as soon as an allocation of the size asks, as a GPU's
// allocator does. Returns the old value.
int set_reuse(int value);

// Allocated and not released, of every kind.
struct LiveMemory {
  size_t allocations = 0, bytes = 0;
};
LiveMemory live_memory();

// What another allocation could still get.
size_t device_bytes_free(int device);

// cudaErrorInvalidValue unless every byte lies in memory that the operation's kind allows it to
// touch.
cudaError_t check_copy(const CopyOperation& copy);
cudaError_t check_fill(const FillOperation& fill);

// cudaErrorInvalidValue when the memory belongs to another device than the one that fills it.
cudaError_t check_fill_by(int device, const FillOperation& fill);

}  // namespace cuemu::runtime
