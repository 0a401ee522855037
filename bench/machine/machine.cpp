#include "machine/machine.hpp"

#include <cuda_runtime_api.h>

#include <array>
#include <ctime>

#include "machine/driver.hpp"
#include "machine/library.hpp"

namespace foldconv::tool {
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
  const Result<Library> cudnn = Library::load("libcudnn.so.9");
  std::size_t (*get_version)() = nullptr;
  if (!cudnn || !cudnn->find("cudnnGetVersion", get_version)) return "";
  return cudnn_version_text(get_version());
}

std::optional<int> peak_clock_mhz(cudaDeviceAttr attribute, int device) {
  int khz = 0;
  if (cudaDeviceGetAttribute(&khz, attribute, device) != cudaSuccess || khz <= 0) return {};
  return khz / 1000;
}

}  // namespace

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
  cudaGetLastError();
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

}  // namespace foldconv::tool
