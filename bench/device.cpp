#include "device.hpp"

#include <cuda_runtime_api.h>
#include <cuemu.h>

#include <cstdlib>
#include <vector>

#include "compute/device_buffer.hpp"

namespace foldconv::tool {

void emulate(const std::string& architecture) {
  if (cuemu_present() != 0) setenv("CUEMU_ARCH", architecture.c_str(), 0);
}

Result<Device> current_device() {
  int index = 0;
  cudaDeviceProp properties{};
  Status status = cuda_status(cudaGetDevice(&index), "finding a CUDA device");
  if (status.ok()) {
    status = cuda_status(cudaGetDeviceProperties(&properties, index), "querying the CUDA device");
  }
  if (!status) {
    return Status(status.code(), status.message() +
                                     "; start the tool by bench/run.sh: it uses the emulator where "
                                     "there is no GPU, and with --emulate");
  }
  const bool emulated = cuemu_present() != 0;
  return Device{.name = properties.name,
                .architecture = std::to_string(properties.major * 10 + properties.minor),
                .multiprocessors = properties.multiProcessorCount,
                .l2_bytes = static_cast<std::size_t>(properties.l2CacheSize),
                .emulated = emulated,
                .machine = current_machine(emulated)};
}

Status with_fault(Status status) {
  const std::size_t length = cuemu_last_fault(nullptr, 0);
  if (status.ok() || length == 0) return status;
  std::vector<char> fault(length + 1);
  cuemu_last_fault(fault.data(), fault.size());
  cuemu_clear_fault();
  return {status.code(), status.message() + " (" + fault.data() + ")"};
}

}  // namespace foldconv::tool
