// SPDX-License-Identifier: MIT
// What the runtime asks of the engine that runs PTX: memory, modules, launches, counters.
//
// Includes run one way: runtime/ -> engine/ -> ops/ -> ptx/, sim/ -> isa/. Nothing from here on knows
// of CUDA's API or of the program under test.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "../isa/kernel.hpp"
#include "../sim/registered_memory.hpp"
#include "../sim/run.hpp"

namespace cuemu {

class Module;

// Indexes a PTX text (the module keeps its own copy); a kernel is parsed and decoded at its first
// use. Module variables (.global, .const, with initialisers) are allocated and registered here, as
// memory of the device. Throws std::runtime_error when the text is not PTX at all.
std::shared_ptr<Module> load_module(std::string ptx, int device);

// nullptr when the module has no such .entry. The pointer lives as long as the module. Thread-safe.
const Kernel* find_kernel(Module& module, std::string_view mangled_name);

// Storage of a .global or .const variable; {nullptr, 0} when there is none of that name.
struct Variable {
  void* address = nullptr;
  size_t size = 0;
};
Variable find_variable(Module& module, std::string_view mangled_name);

}  // namespace cuemu
