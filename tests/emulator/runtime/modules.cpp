// SPDX-License-Identifier: MIT
#include "modules.hpp"

#include <algorithm>
#include <stdexcept>

#include "device_model.hpp"
#include "errors.hpp"
#include "fat_binary.hpp"
#include "occupancy.hpp"

namespace cuemu::runtime {

int KernelRecord::static_shared_bytes() const {
  return std::max(resources.shared_bytes, static_cast<int>(info.static_shared_bytes));
}

int KernelRecord::max_threads_per_block() const {
  return std::min(static_cast<int>(info.max_threads),
                  threads_that_fit_registers(resources.registers));
}

int KernelRecord::max_dynamic_shared_bytes() const {
  const int limit = dynamic_shared_limit;
  return limit >= 0 ? limit : DeviceModel::shared_per_block - static_shared_bytes();
}

std::array<int, 3> KernelRecord::required_cluster() const {
  std::array<int, 3> size;
  for (size_t i = 0; i < size.size(); ++i) {
    size[i] =
        has_compiled_cluster() ? static_cast<int>(info.required_cluster[i]) : cluster_set[i].load();
  }
  return size;
}

int KernelRecord::max_cluster_blocks() const {
  const int most = non_portable_cluster != 0 ? DeviceModel::max_cluster_blocks
                                             : DeviceModel::max_portable_cluster_blocks;
  return info.max_cluster_rank != 0 ? std::min(most, static_cast<int>(info.max_cluster_rank))
                                    : most;
}

cudaError_t ModuleRecord::load(int device) {
  const std::lock_guard lock(mutex_);
  Loaded& loaded = on(device);
  if (!loaded.tried) {
    loaded.tried = true;
    loaded.result = load_images(device);
  }
  return loaded.result;
}

cudaError_t ModuleRecord::load_images(int device) {
  const auto has_it = [](const Loaded& loaded) { return loaded.module != nullptr; };
  if (!managed_.empty() && std::ranges::any_of(loaded_, has_it)) {
    return not_supported("a __managed__ variable on a second device");
  }
  const int arch = device_model().compute_capability();
  try {
    const std::vector<Image> images = list_images(wrapper_);
    const Image* const ptx = choose_image(images, ImageKind::ptx, arch);
    if (ptx == nullptr) {
      print_message("the program has no PTX that compute capability " + std::to_string(arch) +
                    " can use; build it with -gencode arch=compute_XX,code=[sm_XX,compute_XX]");
      return cudaErrorNoKernelImageForDevice;
    }
    const std::vector<uint8_t> text = unpack(*ptx);
    // The stored text ends with padding zeros.
    const auto end = std::find(text.begin(), text.end(), uint8_t{0});
    on(device).module = load_module(std::string(text.begin(), end), device);
    ptx_arch_ = ptx->arch;
    if (const Image* const cubin = choose_image(images, ImageKind::cubin, arch)) {
      resources_ = read_cubin(unpack(*cubin));
      cubin_arch_ = cubin->arch;
    }
  } catch (const std::runtime_error& error) {
    print_message(std::string("cannot load a module: ") + error.what());
    return cudaErrorInvalidPtx;
  }
  for (const VariableRecord* const variable : managed_) {
    const Variable storage = find_variable(*on(device).module, variable->name);
    if (storage.address != nullptr) *variable->managed_pointer = storage.address;
  }
  return cudaSuccess;
}

cudaError_t ModuleRecord::resolve(KernelRecord& kernel) {
  if (const cudaError_t result = load(kernel.device); result != cudaSuccess) return result;
  const std::lock_guard lock(mutex_);
  if (kernel.kernel != nullptr) return cudaSuccess;
  const Kernel* found = nullptr;
  try {
    found = find_kernel(*on(kernel.device).module, kernel.name);
  } catch (const std::runtime_error& error) {
    // Sticky, so that a program that does not check its launches cannot go on without the kernel's
    // results.
    return raise_fault({"unknown-opcode", std::string("unknown-opcode: ") + error.what() +
                                              "; kernel " + kernel.name});
  }
  if (found == nullptr) return cudaErrorInvalidDeviceFunction;
  kernel.info = found->info;
  if (const auto known = resources_.find(kernel.name); known != resources_.end()) {
    kernel.resources = known->second;
  }
  kernel.kernel = found;
  return cudaSuccess;
}

cudaError_t ModuleRecord::find_storage(const VariableRecord& variable, int device,
                                       Variable& storage) {
  if (const cudaError_t result = load(device); result != cudaSuccess) return result;
  storage = find_variable(*on(device).module, variable.name);
  return storage.address != nullptr ? cudaSuccess : cudaErrorInvalidSymbol;
}

}  // namespace cuemu::runtime
