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

std::string version_of_cudnn() {
  try {
    std::size_t (*get_version)() = nullptr;
    Library("libcudnn.so.9").find("cudnnGetVersion", get_version);
    return cudnn_version_text(get_version());
  } catch (const Error&) {
    return "";
  }
}

std::optional<int> peak_clock_mhz(cudaDeviceAttr attribute, int device) {
  int khz = 0;
  if (cudaDeviceGetAttribute(&khz, attribute, device) != cudaSuccess || khz <= 0) return {};
  return khz / 1000;
}

// The part of nvml.h that is used here; toolkits need not have that header.
struct Nvml {
  using DeviceHandle = struct nvmlDevice_st*;
  static constexpr int kSuccess = 0, kClockSm = 1, kClockMemory = 2;

  explicit Nvml(const char* file) {
    const Library library(file);
    library.find("nvmlInit_v2", init);
    library.find("nvmlSystemGetDriverVersion", driver_version);
    library.find("nvmlDeviceGetHandleByPciBusId_v2", device_of_bus_id);
    library.find("nvmlDeviceGetClockInfo", clock);
  }

  int (*init)() = nullptr;
  int (*driver_version)(char*, unsigned) = nullptr;
  int (*device_of_bus_id)(const char*, DeviceHandle*) = nullptr;
  int (*clock)(DeviceHandle, int, unsigned*) = nullptr;
};

}  // namespace

void emulate(const std::string& architecture) {
  if (cuemu_present() != 0) setenv("CUEMU_ARCH", architecture.c_str(), 0);
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
  machine.date = date_and_time();
  int version = 0;
  if (cudaRuntimeGetVersion(&version) == cudaSuccess) {
    machine.cuda_runtime = cuda_version_text(version);
  }
  if (emulated) return machine;
  version = 0;
  if (cudaDriverGetVersion(&version) == cudaSuccess) {
    machine.cuda_driver = cuda_version_text(version);
  }
  int device = 0;
  std::array<char, 32> bus_id{};
  if (cudaGetDevice(&device) == cudaSuccess) {
    machine.sm_clock_max_mhz = peak_clock_mhz(cudaDevAttrClockRate, device);
    machine.memory_clock_max_mhz = peak_clock_mhz(cudaDevAttrMemoryClockRate, device);
    if (cudaDeviceGetPCIBusId(bus_id.data(), bus_id.size(), device) == cudaSuccess) {
      const DriverFacts facts = ask_driver("libnvidia-ml.so.1", bus_id.data());
      machine.driver = facts.version;
      machine.sm_clock_mhz = facts.sm_clock_mhz;
      machine.memory_clock_mhz = facts.memory_clock_mhz;
    }
  }
  machine.cudnn = version_of_cudnn();
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

DriverFacts ask_driver(const char* library, const std::string& pci_bus_id) try {
  DriverFacts facts;
  const Nvml nvml(library);
  // Never shut down: the process ends soon.
  if (nvml.init() != Nvml::kSuccess) return facts;
  std::array<char, 96> version{};
  if (nvml.driver_version(version.data(), version.size() - 1) == Nvml::kSuccess) {
    facts.version = version.data();
  }
  Nvml::DeviceHandle device = nullptr;
  if (nvml.device_of_bus_id(pci_bus_id.c_str(), &device) != Nvml::kSuccess) return facts;
  const auto clock = [&](int kind) -> std::optional<int> {
    unsigned mhz = 0;
    if (nvml.clock(device, kind, &mhz) != Nvml::kSuccess) return {};
    return static_cast<int>(mhz);
  };
  facts.sm_clock_mhz = clock(Nvml::kClockSm);
  facts.memory_clock_mhz = clock(Nvml::kClockMemory);
  return facts;
} catch (const Error&) {
  return {};
}

}  // namespace foldconv::harness
