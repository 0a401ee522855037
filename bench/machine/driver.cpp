#include "machine/driver.hpp"

#include <array>

#include "machine/library.hpp"

namespace foldconv::tool {
namespace {

// The part of nvml.h that is used here; toolkits need not have that header.
using Device = struct nvmlDevice_st*;
constexpr int kSuccess = 0, kClockSm = 1, kClockMemory = 2;

struct Functions {
  int (*init)() = nullptr;
  int (*driver_version)(char*, unsigned) = nullptr;
  int (*device_of_bus_id)(const char*, Device*) = nullptr;
  int (*clock)(Device, int, unsigned*) = nullptr;

  bool load(const char* file) {
    const Result<Library> library = Library::load(file);
    return library && library->find("nvmlInit_v2", init) &&
           library->find("nvmlSystemGetDriverVersion", driver_version) &&
           library->find("nvmlDeviceGetHandleByPciBusId_v2", device_of_bus_id) &&
           library->find("nvmlDeviceGetClockInfo", clock);
  }
};

}  // namespace

DriverFacts ask_driver(const char* library, const std::string& pci_bus_id) {
  DriverFacts facts;
  Functions nvml;
  // Never shut down: the process ends soon.
  if (!nvml.load(library) || nvml.init() != kSuccess) return facts;
  std::array<char, 96> version{};
  if (nvml.driver_version(version.data(), version.size() - 1) == kSuccess) {
    facts.version = version.data();
  }
  Device device = nullptr;
  if (nvml.device_of_bus_id(pci_bus_id.c_str(), &device) != kSuccess) return facts;
  const auto clock = [&](int kind) -> std::optional<int> {
    unsigned mhz = 0;
    if (nvml.clock(device, kind, &mhz) != kSuccess) return {};
    return static_cast<int>(mhz);
  };
  facts.sm_clock_mhz = clock(kClockSm);
  facts.memory_clock_mhz = clock(kClockMemory);
  return facts;
}

}  // namespace foldconv::tool
