// SPDX-License-Identifier: MIT
// What CUDA and the operating system know of a pointer. All of it may be asked while a stream is captured.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>
#include <optional>
#include <string>

#include "foldconv/status.hpp"

namespace foldconv::host {

// Of the current device. Memory that CUDA does not know is of cudaMemoryTypeUnregistered. Errors: cuda_error.
Result<cudaPointerAttributes> attributes_of(const void* pointer);

// A number that no other allocation of the process has or will have. Nothing where the driver does not say: in no
// allocation, no device is initialised, no such driver.
std::optional<std::uint64_t> allocation_id(const void* pointer) noexcept;

// Whether the pointer is certainly of cudaMalloc(): one allocation, neither mapped in pieces nor of a pool.
bool is_plain_allocation(const void* pointer) noexcept;

// Whether the program itself can read the byte.
bool host_can_read(const void* pointer) noexcept;

// "0x7f12e0000000"
std::string address_text(const void* pointer);

}  // namespace foldconv::host
