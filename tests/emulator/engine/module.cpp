// SPDX-License-Identifier: MIT
#include <cxxabi.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <new>

#include "../ops/decoder.hpp"
#include "../ptx/flatten.hpp"
#include "../ptx/initialiser.hpp"
#include "engine.hpp"

namespace cuemu {

namespace {

std::string demangle(const std::string& mangled) {
  int status = 0;
  char* text = abi::__cxa_demangle(mangled.c_str(), nullptr, nullptr, &status);
  std::string result = status == 0 && text != nullptr ? text : mangled;
  std::free(text);
  return result;
}

}  // namespace

class Module {
 public:
  Module(std::string text, int device) : text_(std::move(text)), index_(index_module(text_)) {
    for (const Declaration& d : index_.variables) {
      if (d.kind == Declaration::Kind::shared || d.bytes() == 0 || variables_.count(d.name) != 0)
        continue;
      const size_t align = std::max<size_t>(d.align, 256);
      const size_t size = (d.bytes() + align - 1) / align * align;
      void* address = std::aligned_alloc(align, size);
      if (address == nullptr) throw std::bad_alloc();
      std::memset(address, 0, size);
      variables_[d.name] = {address, d.bytes()};
      register_memory(address, d.bytes(), MemoryKind::module_variable, device);
    }
    for (const Declaration& d : index_.variables) {
      auto it = variables_.find(d.name);
      if (it == variables_.end() || d.initialiser.empty()) continue;
      write_initialiser(d, static_cast<std::byte*>(it->second.address),
                        [this](std::string_view name) { return address_of(name); });
    }
  }

  ~Module() {
    for (auto& [name, variable] : variables_) {
      unregister_memory(variable.address);
      std::free(variable.address);
    }
  }
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  const Kernel* kernel(std::string_view name) {
    std::lock_guard lock(mutex_);
    if (auto it = kernels_.find(name); it != kernels_.end()) return it->second.get();
    auto it = index_.functions.find(name);
    if (it == index_.functions.end() || !it->second.entry) return nullptr;
    return (kernels_[it->first] = decode(it->second)).get();
  }

  Variable variable(std::string_view name) const {
    auto it = variables_.find(name);
    return it == variables_.end() ? Variable{} : it->second;
  }

 private:
  std::optional<uint64_t> address_of(std::string_view name) const {
    auto it = variables_.find(name);
    if (it == variables_.end()) return std::nullopt;
    return reinterpret_cast<uint64_t>(it->second.address);
  }

  std::unique_ptr<Kernel> decode(const Function& entry) {
    const FlatProgram flat =
        flatten(entry, index_, [this](std::string_view name) { return address_of(name); });
    auto kernel = std::make_unique<Kernel>();
    Program& program = kernel->program;
    program.name = entry.name;
    program.pretty_name = demangle(program.name);
    program.files = &index_.files;
    decode_program(flat, program);
    KernelInfo& info = kernel->info;
    info.name = program.name;
    for (size_t i = 0; i < entry.parameters.size(); ++i)
      info.parameters.push_back({flat.parameter_offsets[i],
                                 static_cast<uint32_t>(entry.parameters[i].bytes()),
                                 entry.parameters[i].align});
    info.parameter_bytes = flat.parameter_bytes;
    info.static_shared_bytes = flat.static_shared_bytes;
    info.local_bytes = flat.local_bytes;
    info.max_threads = entry.max_threads;
    info.required_cluster = entry.required_cluster;
    info.max_cluster_rank = entry.max_cluster_rank;
    info.explicit_cluster = entry.explicit_cluster;
    info.bounds_registers = entry.bounds_registers;
    return kernel;
  }

  std::string text_;
  ModuleIndex index_;
  std::map<std::string_view, Variable> variables_;
  std::mutex mutex_;
  std::map<std::string_view, std::unique_ptr<Kernel>> kernels_;
};

std::shared_ptr<Module> load_module(std::string ptx, int device) {
  return std::make_shared<Module>(std::move(ptx), device);
}

const Kernel* find_kernel(Module& module, std::string_view mangled_name) {
  return module.kernel(mangled_name);
}

Variable find_variable(Module& module, std::string_view mangled_name) {
  return module.variable(mangled_name);
}

}  // namespace cuemu
