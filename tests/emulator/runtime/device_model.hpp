// SPDX-License-Identifier: MIT
// The emulated device: the figures of a real one, chosen by the environment variable CUEMU_ARCH, and
// fewer of its multiprocessors where CUEMU_MULTIPROCESSORS says so.
#pragma once

#include <cstddef>
#include <cstdint>

#include "../engine/engine.hpp"

namespace cuemu::runtime {

struct DeviceModel {
  const char* name;
  int major, minor;
  int multiprocessors;
  size_t memory_bytes;
  int l2_bytes;
  int persisting_l2_bytes;
  int shared_per_multiprocessor;
  int shared_per_block_optin;
  int max_threads_per_multiprocessor;
  int max_blocks_per_multiprocessor;
  int clock_khz;
  int memory_clock_khz;
  int memory_bus_bits;
  int async_engines;
  int pci_device_id;
  bool ecc;

  // The same for every device that the emulator knows.
  static constexpr int warp_size = 32;
  static constexpr int max_threads_per_block = 1024;
  static constexpr int registers_per_multiprocessor = 65536;
  static constexpr int shared_per_block = 48 * 1024;
  static constexpr int reserved_shared_per_block = 1024;
  static constexpr int max_block_dim[3] = {1024, 1024, 64};
  static constexpr int max_grid_dim[3] = {2147483647, 65535, 65535};

  // Of compute capability 9.0.
  static constexpr int max_portable_cluster_blocks = 8;
  static constexpr int max_cluster_blocks = 16;

  bool has_clusters() const { return major >= 9; }
  int compute_capability() const { return major * 10 + minor; }
  DeviceLimits limits() const;
};

const DeviceModel& device_model();

}  // namespace cuemu::runtime
