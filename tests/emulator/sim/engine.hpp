// The engine that runs PTX: what the runtime half of the emulator asks of the simulating half.
//
// Arrows run one way: runtime/ -> sim/ -> ops/, ptx/. Nothing here knows of CUDA's API or of the
// program under test.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cuemu.h"

namespace cuemu {

struct Dim3 {
  uint32_t x = 1, y = 1, z = 1;
};

// --- Memory that device code may touch
// -------------------------------------------------------------------------------

enum class MemoryKind { device, managed, pinned_host, module_variable };

// Tells the engine that [base, base + size) may be read and written by kernels: managed and host
// memory by those of every device, other memory by those of `device`. Any access that does not lie
// wholly within one such range is an out-of-bounds fault. Thread-safe.
void register_memory(void* base, size_t size, MemoryKind kind, int device);
void unregister_memory(void* base);

struct MemoryRange {
  std::byte* base = nullptr;
  size_t size = 0;
  MemoryKind kind = MemoryKind::device;
  int device = 0;
};
// The range that holds `address`, if any. Thread-safe.
std::optional<MemoryRange> find_memory(const void* address);

// --- Modules and kernels
// ---------------------------------------------------------------------------------------------

struct KernelParameter {
  uint32_t offset = 0;  // in the packed parameter block
  uint32_t size = 0;
  uint32_t align = 1;
};

struct KernelInfo {
  std::string name;  // mangled, as in the PTX
  std::string pretty_name;
  std::vector<KernelParameter> parameters;
  uint32_t parameter_bytes = 0;
  uint32_t static_shared_bytes = 0;
  uint32_t local_bytes = 0;     // per thread
  uint32_t max_threads = 1024;  // .maxntid product, else 1024
};

class Module;
class Kernel;

// Indexes a PTX text (the module keeps its own copy); a kernel is parsed and decoded at its first
// use. Module variables
// (.global, .const, with initialisers) are allocated and registered here. Throws std::runtime_error
// when the text is not PTX at all.
std::shared_ptr<Module> load_module(std::string ptx, int device);

// nullptr when the module has no such .entry. The pointer lives as long as the module. Thread-safe.
const Kernel* find_kernel(Module& module, std::string_view mangled_name);
const KernelInfo& kernel_info(const Kernel& kernel);

// Storage of a .global or .const variable; {nullptr, 0} when there is none of that name.
struct Variable {
  void* address = nullptr;
  size_t size = 0;
};
Variable find_variable(Module& module, std::string_view mangled_name);

// --- Launch
// ----------------------------------------------------------------------------------------------------------

struct DeviceLimits {
  int compute_capability_major = 8, compute_capability_minor = 0;
  uint32_t shared_bytes_per_block = 48 * 1024;  // without opting in
  uint32_t shared_bytes_per_block_optin = 163 * 1024;
};

struct Launch {
  const Kernel* kernel = nullptr;
  Dim3 grid, block;
  uint32_t dynamic_shared_bytes = 0;
  const std::byte* parameters = nullptr;  // packed: KernelInfo::parameter_bytes bytes
  int device = 0;
  DeviceLimits limits;
};

struct Fault {
  std::string kind;  // one of those listed at cuemu_last_fault
  std::string text;  // "KIND: detail; kernel ..., block ..., thread ..., FILE:LINE"
};

// Runs the whole grid, CTAs spread over the worker threads (CUEMU_THREADS, default: all cores), and
// returns when it has ended. Callers need not serialise: concurrent launches take turns. On the
// first fault the grid stops.
std::optional<Fault> run(const Launch& launch);

// From now on launches run only `count` CTAs from number `first` on; a negative `first` counts from
// the end of the grid. count = 0: all of them.
void choose_ctas(int64_t first, uint64_t count);

// --- Counters and switches (the C header's functions forward to these)
// -----------------------------------------------

void read_counters(cuemu_counters& out);
void reset_counters();
int set_switch(const char* name, int value);

}  // namespace cuemu
