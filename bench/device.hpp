// The device the commands run on: a GPU, or the emulator of the tests.
#pragma once

#include <cstddef>
#include <string>

#include "foldconv/status.hpp"
#include "machine/machine.hpp"

namespace foldconv::tool {

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

// Errors (cuda_error): no usable device; says what to do.
Result<Device> current_device();

// `status`, and what the emulator knows about the fault behind it; the emulator forgets the fault,
// so that the next problem can run.
Status with_fault(Status status);

}  // namespace foldconv::tool
