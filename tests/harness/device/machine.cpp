// SPDX-License-Identifier: MIT
#include "harness/device/machine.hpp"

#include <cuda_runtime_api.h>
#include <cuemu.h>

#include <array>
#include <cstdlib>
#include <ctime>

#include "harness/device/library.hpp"
#include "harness/error.hpp"

namespace foldconv::harness {
namespace {

std::string date_and_time() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text.data();
}

int peak_clock_mhz(cudaDeviceAttr attribute, int device) {
  int khz = 0;
  return cudaDeviceGetAttribute(&khz, attribute, device) == cudaSuccess ? khz / 1000 : 0;
}

}  // namespace

void emulate(const std::string& architecture) {
  if (cuemu_present() != 0) setenv("CUEMU_ARCH", architecture.c_str(), 0);
}

CudaRuntime cuda_runtime() {
  int version = 0;
  const bool known = cudaRuntimeGetVersion(&version) == cudaSuccess;
  return {known ? cuda_version_text(version) : "", cuemu_present() != 0};
}

std::string installed_cudnn() {
  try {
    return cudnn_version_text(Library("libcudnn.so.9").find<std::size_t()>("cudnnGetVersion")());
  } catch (const Error&) {
    return "";
  }
}

Device current_device() {
  int index = 0;
  cudaDeviceProp properties{};
  try {
    check(cudaGetDevice(&index), "finding a CUDA device");
    check(cudaGetDeviceProperties(&properties, index), "querying the CUDA device");
  } catch (const Error& error) {
    throw Error(error.code(), std::string(error.what()) +
                                  "; where there is no GPU, the emulator runs it: "
                                  "foldconv-emulate PROGRAM ARGS, of the installed component "
                                  "'emulator'");
  }
  const bool emulated = cuemu_present() != 0;
  return {.name = properties.name,
          .architecture = std::to_string(properties.major * 10 + properties.minor),
          .multiprocessors = properties.multiProcessorCount,
          .l2_bytes = static_cast<std::size_t>(properties.l2CacheSize),
          .emulated = emulated,
          .machine = current_machine(emulated)};
}

Machine current_machine(bool emulated) {
  Machine machine;
  int device = 0, version = 0;
  if (!emulated) {
    std::array<char, 32> bus_id{};
    if (cudaGetDevice(&device) == cudaSuccess &&
        cudaDeviceGetPCIBusId(bus_id.data(), bus_id.size(), device) == cudaSuccess) {
      machine = ask_driver("libnvidia-ml.so.1", bus_id.data());
    }
    machine.sm_clock_max_mhz = peak_clock_mhz(cudaDevAttrClockRate, device);
    machine.memory_clock_max_mhz = peak_clock_mhz(cudaDevAttrMemoryClockRate, device);
    if (cudaDriverGetVersion(&version) == cudaSuccess) {
      machine.cuda_driver = cuda_version_text(version);
    }
    machine.cudnn = installed_cudnn();
  }
  machine.cuda_runtime = cuda_runtime().version;
  machine.date = date_and_time();
  // A question that found no answer is no error of what is run later.
  static_cast<void>(cudaGetLastError());
  return machine;
}

std::string cuda_version_text(int version) {
  if (version <= 0) return "";
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

std::string cudnn_version_text(std::size_t version) {
  // From cuDNN 9 on there are two more digits for the minor version.
  const std::size_t major = version >= 90000 ? 10000 : 1000;
  return std::to_string(version / major) + "." + std::to_string(version % major / 100) + "." +
         std::to_string(version % 100);
}

Machine ask_driver(const char* file, const std::string& pci_bus_id) try {
  // The part of nvml.h that is used here; toolkits need not have that header.
  using DeviceHandle = struct nvmlDevice_st*;
  constexpr int kSuccess = 0, kClockSm = 1, kClockMemory = 2;
  const Library library(file);
  const auto init = library.find<int()>("nvmlInit_v2");
  const auto driver_version = library.find<int(char*, unsigned)>("nvmlSystemGetDriverVersion");
  const auto device_of_bus_id =
      library.find<int(const char*, DeviceHandle*)>("nvmlDeviceGetHandleByPciBusId_v2");
  const auto clock = library.find<int(DeviceHandle, int, unsigned*)>("nvmlDeviceGetClockInfo");

  Machine machine;
  if (init() != kSuccess) return machine;  // never shut down: the process ends soon
  std::array<char, 96> version{};
  if (driver_version(version.data(), version.size() - 1) == kSuccess) {
    machine.driver = version.data();
  }
  DeviceHandle device = nullptr;
  if (device_of_bus_id(pci_bus_id.c_str(), &device) != kSuccess) return machine;
  unsigned mhz = 0;
  if (clock(device, kClockSm, &mhz) == kSuccess) machine.sm_clock_mhz = static_cast<int>(mhz);
  if (clock(device, kClockMemory, &mhz) == kSuccess) {
    machine.memory_clock_mhz = static_cast<int>(mhz);
  }
  return machine;
} catch (const Error&) {
  return {};
}

}  // namespace foldconv::harness
