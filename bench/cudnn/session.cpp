#include "cudnn/session.hpp"

#include <cuemu.h>

#include <string_view>

#include "cudnn/session_data.hpp"

namespace foldconv::cudnn {
namespace {

// The properties that cuDNN 9.19 asks for, with the figures of an H100 SXM.
constexpr std::string_view kH100 = R"({
  "deviceName": "NVIDIA H100 80GB HBM3", "deviceVer": 900, "driverVer": 13000,
  "cudaDeviceId": 0, "pciDeviceId": 0, "isTccDriver": 0, "supportCoopLaunch": 1,
  "totalGlobalMem": 85000000000, "l2CacheSize": 52428800,
  "multiProcessorCount": 132, "smClockRateKHz": 1980000, "memClockRateKHz": 2619000,
  "maxGridSize": [2147483647, 65535, 65535], "maxBlockSize": [1024, 1024, 64], "warpSize": 32,
  "maxThreadsPerBlock": 1024, "maxThreadsPerSM": 2048, "maxCtasPerSM": 32,
  "regsPerBlock": 65536, "maxRegistersPerSM": 65536,
  "maxSharedMemoryPerBlock": 49152, "maxSharedMemoryPerBlockOptin": 232448,
  "reservedSharedMemoryPerBlock": 1024})";

Status unsupported(const Status& status) {
  return {ErrorCode::unsupported, status.message()};
}

}  // namespace

Result<Session> Session::open() {
  if (cuemu_present() != 0) {
    return Status(ErrorCode::unsupported,
                  "cuDNN needs a GPU: the emulator of the CUDA runtime cannot run it");
  }
  const Result<const Library*> loaded = library();
  if (!loaded) return loaded.status();
  auto data = std::make_shared<Data>();
  data->library = *loaded;
  const Status created =
      data->library->status(data->library->Create(&data->handle), "cuDNN finds no GPU");
  if (!created) return unsupported(created);
  return Session(std::move(data));
}

Result<Session> Session::described_h100() {
  const Result<const Library*> loaded = library();
  if (!loaded) return loaded.status();
  auto data = std::make_shared<Data>();
  data->library = *loaded;
  Descriptor& gpu = data->described.emplace(**loaded, CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR,
                                            "cuDNN takes no description of a GPU");
  gpu.set_raw(CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR, std::ssize(kH100),
              kH100.data())
      .finalize();
  if (!gpu.status()) return unsupported(gpu.status());
  return Session(std::move(data));
}

std::string Session::version() const {
  return data_->library->version();
}

}  // namespace foldconv::cudnn
