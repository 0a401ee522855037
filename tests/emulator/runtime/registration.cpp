// SPDX-License-Identifier: MIT
// The entry points that nvcc's generated constructors call, and the look-ups from host addresses.
// These run before main, so they only note what there is.
#include <memory>
#include <shared_mutex>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "api.hpp"
#include "modules.hpp"

namespace cuemu::runtime {
namespace {

// cudaKernel_t and cudaFunction_t point to one.
struct RegisteredKernel {
  const ModuleRecord* module = nullptr;
  std::unique_ptr<KernelRecord[]> on_device;
};

struct Registry {
  std::shared_mutex mutex;
  std::vector<std::unique_ptr<ModuleRecord>> modules;
  std::vector<std::unique_ptr<RegisteredKernel>> kernels;
  std::vector<std::unique_ptr<VariableRecord>> variables;
  std::unordered_map<const void*, RegisteredKernel*> kernel_of_stub;
  std::unordered_map<const void*, VariableRecord*> variable_of_shadow;
  std::unordered_set<const void*> kernel_handles;
};

// Never destroyed: the program's own destructors may still launch kernels.
Registry& registry() {
  static Registry* const instance = new Registry;
  return *instance;
}

ModuleRecord* module_of_handle(void** handle) {
  return reinterpret_cast<ModuleRecord*>(handle);
}

RegisteredKernel* find_registered(const void* function) {
  Registry& known = registry();
  const std::shared_lock lock(known.mutex);
  if (const auto found = known.kernel_of_stub.find(function); found != known.kernel_of_stub.end()) {
    return found->second;
  }
  // CUDA also takes a cudaKernel_t or cudaFunction_t wherever it takes a host stub.
  if (!known.kernel_handles.contains(function)) return nullptr;
  return static_cast<RegisteredKernel*>(const_cast<void*>(function));
}

void add_variable(void** handle, const void* shadow, const char* name, void** managed_pointer) {
  auto record = std::make_unique<VariableRecord>();
  record->module = module_of_handle(handle);
  record->name = name;
  record->managed_pointer = managed_pointer;
  Registry& known = registry();
  const std::unique_lock lock(known.mutex);
  known.variable_of_shadow[shadow] = record.get();
  if (managed_pointer != nullptr) record->module->add_managed(record.get());
  known.variables.push_back(std::move(record));
}

// Host code names a managed variable by its storage, not by its shadow.
const VariableRecord* find_managed(const Registry& known, const void* storage) {
  for (const auto& variable : known.variables) {
    if (variable->managed_pointer != nullptr && *variable->managed_pointer == storage) {
      return variable.get();
    }
  }
  return nullptr;
}

cudaError_t find_kernel_handle(cudaKernel_t* kernel, const void* function) {
  return pure_call([&] {
    if (kernel == nullptr) return cudaErrorInvalidValue;
    RegisteredKernel* const registered = find_registered(function);
    if (registered == nullptr) return cudaErrorInvalidDeviceFunction;
    *kernel = reinterpret_cast<cudaKernel_t>(registered);
    return cudaSuccess;
  });
}

}  // namespace

cudaError_t find_function(const void* function, KernelRecord*& kernel) {
  const RegisteredKernel* const registered = find_registered(function);
  if (registered == nullptr) return cudaErrorInvalidDeviceFunction;
  kernel = &registered->on_device[static_cast<size_t>(current_device())];
  return kernel->module->resolve(*kernel);
}

cudaError_t find_symbol(const void* symbol, Variable& storage) {
  Registry& known = registry();
  const VariableRecord* variable = nullptr;
  {
    const std::shared_lock lock(known.mutex);
    const auto found = known.variable_of_shadow.find(symbol);
    variable =
        found != known.variable_of_shadow.end() ? found->second : find_managed(known, symbol);
    if (variable == nullptr) return cudaErrorInvalidSymbol;
  }
  return variable->module->find_storage(*variable, current_device(), storage);
}

}  // namespace cuemu::runtime

using namespace cuemu::runtime;

CUEMU_EXPORT void** __cudaRegisterFatBinary(void* wrapper) {
  Registry& known = registry();
  const std::unique_lock lock(known.mutex);
  known.modules.push_back(std::make_unique<ModuleRecord>(wrapper));
  return reinterpret_cast<void**>(known.modules.back().get());
}

CUEMU_EXPORT void __cudaRegisterFatBinaryEnd(void**) {}

// The records stay, since handles to them may be about; only the host addresses are forgotten,
// because a library that is loaded later may get the same ones.
CUEMU_EXPORT void __cudaUnregisterFatBinary(void** handle) {
  const ModuleRecord* const module = module_of_handle(handle);
  Registry& known = registry();
  const std::unique_lock lock(known.mutex);
  std::erase_if(known.kernel_of_stub,
                [&](const auto& item) { return item.second->module == module; });
  std::erase_if(known.variable_of_shadow,
                [&](const auto& item) { return item.second->module == module; });
}

CUEMU_EXPORT void __cudaRegisterFunction(void** handle, const char* host_stub, char*,
                                         const char* name, int, uint3*, uint3*, dim3*, dim3*,
                                         int*) {
  auto registered = std::make_unique<RegisteredKernel>();
  registered->module = module_of_handle(handle);
  registered->on_device = std::make_unique<KernelRecord[]>(static_cast<size_t>(device_count()));
  for (int device = 0; device < device_count(); ++device) {
    KernelRecord& kernel = registered->on_device[static_cast<size_t>(device)];
    kernel.module = module_of_handle(handle);
    kernel.device = device;
    kernel.host_stub = host_stub;
    kernel.name = name;
  }
  Registry& known = registry();
  const std::unique_lock lock(known.mutex);
  known.kernel_of_stub[host_stub] = registered.get();
  known.kernel_handles.insert(registered.get());
  known.kernels.push_back(std::move(registered));
}

CUEMU_EXPORT void __cudaRegisterVar(void** handle, char* shadow, char*, const char* name, int,
                                    size_t, int, int) {
  add_variable(handle, shadow, name, nullptr);
}

CUEMU_EXPORT void __cudaRegisterManagedVar(void** handle, void** shadow, char*, const char* name,
                                           int, size_t, int, int) {
  add_variable(handle, shadow, name, shadow);
}

// Called before the host first touches a managed variable: its storage must exist from then on.
CUEMU_EXPORT char __cudaInitModule(void** handle) {
  return module_of_handle(handle)->load(current_device()) == cudaSuccess ? 1 : 0;
}

// Called by each kernel's host stub at its first launch. Must not fail for a kernel that is merely
// not loadable: the launch reports that.
CUEMU_EXPORT cudaError_t __cudaGetKernel(cudaKernel_t* kernel, const void* host_stub) {
  return find_kernel_handle(kernel, host_stub);
}

CUEMU_API(cudaGetKernel, (cudaKernel_t * kernel, const void* function),
          { return find_kernel_handle(kernel, function); })

CUEMU_API(cudaGetFuncBySymbol, (cudaFunction_t * function, const void* symbol),
          { return find_kernel_handle(reinterpret_cast<cudaKernel_t*>(function), symbol); })
