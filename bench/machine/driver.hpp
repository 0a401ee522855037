// What NVIDIA's management library says of a GPU, where the machine has it.
#pragma once

#include <optional>
#include <string>

namespace foldconv::tool {

struct DriverFacts {
  std::string version;                                // "" where not known
  std::optional<int> sm_clock_mhz, memory_clock_mhz;  // now
};

// `library`: libnvidia-ml.so.1. `pci_bus_id` as CUDA has it. What cannot be found out is not there.
DriverFacts ask_driver(const char* library, const std::string& pci_bus_id);

}  // namespace foldconv::tool
