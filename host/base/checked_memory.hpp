// SPDX-License-Identifier: MIT
// Whether kernels of the current device reach the memory that a caller has given: what a checked run asks of each pointer.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "foldconv/status.hpp"

namespace foldconv::host {

// A range of memory in an argument list, by the name of the argument.
struct NamedRange {
  const char* name;
  const void* data;
  std::int64_t bytes;
};

// The first and the last byte: reached, and of one allocation where that can be told. Nothing is asked of 0 bytes.
// Errors: invalid_argument; cuda_error: CUDA gives no answer.
Status check_reachable(const NamedRange& range);

// What is known of the device that is to reach the memory.
struct Reader {
  int device = 0;
  bool reads_pageable_memory = false;  // of the program, without that CUDA was told of it
};

// The rule for one byte at `pointer` of the range, of which CUDA has told `attributes`.
Status check_byte(const NamedRange& range, const void* pointer,
                  const cudaPointerAttributes& attributes, const Reader& reader);

}  // namespace foldconv::host
