// SPDX-License-Identifier: MIT
#include "device_model.hpp"

#include <charconv>
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
    .max_threads_per_multiprocessor = 2048,
    .max_blocks_per_multiprocessor = 32,
    .clock_khz = 1410000,
    .memory_clock_khz = 1215000,
    .memory_bus_bits = 5120,
    .async_engines = 3,
    .pci_device_id = 0x20b0,
    .ecc = true,
};

constexpr DeviceModel rtx3090 = {
    .name = "NVIDIA GeForce RTX 3090 (emulated)",
    .major = 8,
    .minor = 6,
    .multiprocessors = 82,
    .memory_bytes = 24 * gib,
    .l2_bytes = 6 << 20,
    .persisting_l2_bytes = 9 << 19,
    .shared_per_multiprocessor = 100 * 1024,
    .shared_per_block_optin = 99 * 1024,
    .max_threads_per_multiprocessor = 1536,
    .max_blocks_per_multiprocessor = 16,
    .clock_khz = 1695000,
    .memory_clock_khz = 9751000,
    .memory_bus_bits = 384,
    .async_engines = 2,
    .pci_device_id = 0x2204,
    .ecc = false,
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
    .max_threads_per_multiprocessor = 2048,
    .max_blocks_per_multiprocessor = 32,
    .clock_khz = 1980000,
    .memory_clock_khz = 2619000,
    .memory_bus_bits = 5120,
    .async_engines = 3,
    .pci_device_id = 0x2330,
    .ecc = true,
};

// Going on with another device than the one asked for would make every later result misleading.
[[noreturn]] void stop(const std::string& message) {
  print_message(message);
  std::_Exit(1);
}

DeviceModel model_of_architecture() {
  const char* const value = std::getenv("CUEMU_ARCH");
  const std::string arch = value != nullptr ? value : "80";
  if (arch == "80") return a100;
  if (arch == "86") return rtx3090;
  if (arch == "90" || arch == "90a") return h100;
  stop("CUEMU_ARCH=" + arch + " is not an emulated device (80, 86, 90)");
}

// As a partition of the device (MIG) has them; everything else stays the whole device's.
int chosen_multiprocessors(int all) {
  const char* const value = std::getenv("CUEMU_MULTIPROCESSORS");
  if (value == nullptr) return all;
  const std::string text = value;
  int count = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error == std::errc() && rest == text.data() + text.size() && count >= 1 && count <= all) {
    return count;
  }
  stop("CUEMU_MULTIPROCESSORS=" + text + " is not a number from 1 to " + std::to_string(all));
}

DeviceModel chosen_model() {
  DeviceModel model = model_of_architecture();
  model.multiprocessors = chosen_multiprocessors(model.multiprocessors);
  return model;
}

}  // namespace

DeviceLimits DeviceModel::limits() const {
  return {.compute_capability_major = major,
          .compute_capability_minor = minor,
          .shared_bytes_per_block = shared_per_block,
          .shared_bytes_per_block_optin = static_cast<uint32_t>(shared_per_block_optin)};
}

const DeviceModel& device_model() {
  static const DeviceModel model = chosen_model();
  return model;
}

}  // namespace cuemu::runtime
