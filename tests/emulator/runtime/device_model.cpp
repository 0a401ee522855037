#include "device_model.hpp"

#include <cstdlib>
#include <string>

#include "errors.hpp"

namespace cuemu::runtime {
namespace {

constexpr size_t gib = size_t{1} << 30;

constexpr DeviceModel a100 = {
    .name = "NVIDIA A100 (emulated)",
    .major = 8,
    .minor = 0,
    .multiprocessors = 108,
    .memory_bytes = 40 * gib,
    .l2_bytes = 40 << 20,
    .persisting_l2_bytes = 30 << 20,
    .shared_per_multiprocessor = 164 * 1024,
    .shared_per_block_optin = 163 * 1024,
    .clock_khz = 1410000,
    .memory_clock_khz = 1215000,
    .memory_bus_bits = 5120,
    .async_engines = 3,
    .pci_device_id = 0x20b0,
};

constexpr DeviceModel h100 = {
    .name = "NVIDIA H100 (emulated)",
    .major = 9,
    .minor = 0,
    .multiprocessors = 132,
    .memory_bytes = 80 * gib,
    .l2_bytes = 50 << 20,
    .persisting_l2_bytes = 32 << 20,
    .shared_per_multiprocessor = 228 * 1024,
    .shared_per_block_optin = 227 * 1024,
    .clock_khz = 1980000,
    .memory_clock_khz = 2619000,
    .memory_bus_bits = 5120,
    .async_engines = 3,
    .pci_device_id = 0x2330,
};

const DeviceModel& chosen_model() {
  const char* const value = std::getenv("CUEMU_ARCH");
  const std::string arch = value != nullptr ? value : "80";
  if (arch == "80") return a100;
  if (arch == "90" || arch == "90a") return h100;
  // Going on with another device than the one asked for would make every later result misleading.
  print_message("CUEMU_ARCH=" + arch + " is not an emulated device (80, 90)");
  std::_Exit(1);
}

}  // namespace

DeviceLimits DeviceModel::limits() const {
  return {.compute_capability_major = major,
          .compute_capability_minor = minor,
          .shared_bytes_per_block = shared_per_block,
          .shared_bytes_per_block_optin = static_cast<uint32_t>(shared_per_block_optin)};
}

const DeviceModel& device_model() {
  static const DeviceModel& model = chosen_model();
  return model;
}

}  // namespace cuemu::runtime
