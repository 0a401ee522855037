// SPDX-License-Identifier: MIT
// What the program registers at start-up: modules (one per translation unit) with their kernels and
// variables. Nothing is decompressed or parsed before the first use of a module.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "../engine/engine.hpp"
#include "cubin.hpp"
#include "cuda_declarations.hpp"
#include "device.hpp"

namespace cuemu::runtime {

class ModuleRecord;

// A kernel on one of the devices.
struct KernelRecord {
  ModuleRecord* module = nullptr;
  int device = 0;
  const void* host_stub = nullptr;
  std::string name;  // mangled

  // Set by resolve().
  const Kernel* kernel = nullptr;
  KernelInfo info;
  KernelResources resources;

  // Set by cudaFuncSetAttribute and cudaFuncSetCacheConfig.
  std::atomic<int> dynamic_shared_limit{-1};  // -1: what the device allows without opting in
  std::atomic<int> carveout{-1};
  std::atomic<int> cache_config{cudaFuncCachePreferNone};
  std::array<std::atomic<int>, 3> cluster_set{};  // width, height, depth; 0: not set
  std::atomic<int> non_portable_cluster{0};
  std::atomic<int> cluster_scheduling{cudaClusterSchedulingPolicyDefault};

  int static_shared_bytes() const;
  int max_threads_per_block() const;
  int max_dynamic_shared_bytes() const;
  // Width, height and depth, as compiled into the kernel or set on it; 0 where neither says so.
  std::array<int, 3> required_cluster() const;
  bool has_compiled_cluster() const { return info.required_cluster[0] != 0; }
  // The most blocks that a cluster of this kernel may have.
  int max_cluster_blocks() const;
};

// A __device__, __constant__ or __managed__ variable.
struct VariableRecord {
  ModuleRecord* module = nullptr;
  std::string name;                  // mangled
  void** managed_pointer = nullptr;  // where the host finds the storage of a managed variable
};

class ModuleRecord {
 public:
  explicit ModuleRecord(const void* wrapper) : wrapper_(wrapper) {}

  // Loads the module onto the device at the first call.
  cudaError_t load(int device);

  // Loads the module onto the kernel's device and fills in what the engine and the cubin know of the
  // kernel.
  cudaError_t resolve(KernelRecord& kernel);
  cudaError_t find_storage(const VariableRecord& variable, int device, Variable& storage);

  void add_managed(const VariableRecord* variable) { managed_.push_back(variable); }
  int ptx_arch() const { return ptx_arch_; }
  int cubin_arch() const { return cubin_arch_; }

 private:
  // On one device; each has its own variables.
  struct Loaded {
    bool tried = false;
    cudaError_t result = cudaSuccess;
    std::shared_ptr<Module> module;
  };

  cudaError_t load_images(int device);
  Loaded& on(int device) { return loaded_[static_cast<size_t>(device)]; }

  std::mutex mutex_;
  const void* wrapper_;
  std::array<Loaded, most_devices> loaded_;
  std::unordered_map<std::string, KernelResources> resources_;
  std::vector<const VariableRecord*> managed_;
  int ptx_arch_ = 0;
  int cubin_arch_ = 0;
};

// The kernel behind a host stub or a cudaKernel_t on the calling thread's device, resolved. Fails
// when there is none.
cudaError_t find_function(const void* function, KernelRecord*& kernel);

// The storage behind the host shadow of a variable on the calling thread's device.
cudaError_t find_symbol(const void* symbol, Variable& storage);

}  // namespace cuemu::runtime
