// SPDX-License-Identifier: MIT
// A kernel of a loaded module.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "program.hpp"

namespace cuemu {

struct KernelParameter {
  uint32_t offset = 0;  // in the packed parameter block
  uint32_t size = 0;
  uint32_t align = 1;
};

struct KernelInfo {
  std::string name;  // mangled, as in the PTX
  std::vector<KernelParameter> parameters;
  uint32_t parameter_bytes = 0;
  uint32_t static_shared_bytes = 0;
  uint32_t local_bytes = 0;                    // per thread
  uint32_t max_threads = 1024;                 // .maxntid product, else 1024
  std::array<uint32_t, 3> required_cluster{};  // .reqnctapercluster; 0: none
  uint32_t max_cluster_rank = 0;               // .maxclusterrank; 0: none
  bool explicit_cluster = false;               // .explicitcluster
  // A directive bounds the registers of a thread (.maxntid, .reqntid, .maxnreg, .minnctapersm, .maxnctapersm).
  bool bounds_registers = false;
};

struct Kernel {
  KernelInfo info;
  Program program;
};

}  // namespace cuemu
