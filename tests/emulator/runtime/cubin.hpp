// SPDX-License-Identifier: MIT
// Cubins: the machine code is not run, but it knows what each kernel really costs.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>

namespace cuemu::runtime {

struct KernelResources {
  int registers = 0;       // per thread
  int stack_bytes = 0;     // per thread
  int shared_bytes = 0;    // static, per block
  int barriers = 0;        // named barriers, per block
  int constant_bytes = 0;  // of the program's own, per module
};

// Resources of every kernel of a cubin, by mangled name. Throws std::runtime_error when it is not a
// cubin.
std::unordered_map<std::string, KernelResources> read_cubin(std::span<const uint8_t> elf);

}  // namespace cuemu::runtime
