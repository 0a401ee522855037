// SPDX-License-Identifier: MIT
// The device that programs run on, a GPU or the emulator, and what a report says of its machine.
#pragma once

#include <cstddef>
#include <string>

namespace foldconv::harness {

// What cannot be found out is 0 or empty.
struct Machine {
  std::string date;  // when it was asked, in UTC: "2026-01-31T12:00:00Z"
  int sm_clock_max_mhz = 0, memory_clock_max_mhz = 0;
  int sm_clock_mhz = 0, memory_clock_mhz = 0;  // then
  std::string driver;                          // "580.65.06"
  std::string cuda_driver, cuda_runtime;       // "13.0"
  std::string cudnn;                           // "9.19.0"
};

struct Device {
  std::string name;
  std::string architecture;  // compute capability without the dot, "80"
  int multiprocessors = 0;
  std::size_t l2_bytes = 0;
  bool emulated = false;
  Machine machine = {};
};

// Has the emulator, if there is one, stand for this GPU. Before the first CUDA call; a choice made
// by the environment is kept.
void emulate(const std::string& architecture);

// Throws Error (cuda_error): no usable device; says what to do.
Device current_device();

// Of the current device; never fails. On the emulator only the date and the runtime's version.
Machine current_machine(bool emulated);

// The CUDA runtime that the loader found. Needs no device.
struct CudaRuntime {
  std::string version;  // "13.0"; "": not known
  bool emulated = false;
};
CudaRuntime cuda_runtime();

// The version of the cuDNN that the loader finds; "": none.
std::string installed_cudnn();

// "13.0" of 13000; "" of 0.
std::string cuda_version_text(int version);
// "9.19.0" of 91900, "8.9.7" of 8907.
std::string cudnn_version_text(std::size_t version);

// What NVIDIA's management library says of a GPU, where the machine has it: driver and clocks.
// `file`: libnvidia-ml.so.1. `pci_bus_id` as CUDA has it.
Machine ask_driver(const char* file, const std::string& pci_bus_id);

}  // namespace foldconv::harness
