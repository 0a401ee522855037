#include "measure/copy_roof.hpp"

#include <algorithm>
#include <array>

#include "compute/device_buffer.hpp"
#include "measure/timing.hpp"

namespace foldconv::tool {
namespace {

constexpr std::byte kPattern{0x5B};

Result<Timing> time_copy(std::size_t bytes) {
  const Result<DeviceBuffer> from = DeviceBuffer::allocate(bytes);
  if (!from) return from.status();
  Status filled =
      cuda_status(cudaMemset(from->data(), std::to_integer<int>(kPattern), bytes), "cudaMemset");
  if (!filled) return filled;
  const Result<DeviceBuffer> to = DeviceBuffer::allocate(bytes);
  if (!to) return to.status();
  const Launches copy = [&](cudaStream_t stream) {
    return cuda_status(
        cudaMemcpyAsync(to->data(), from->data(), bytes, cudaMemcpyDeviceToDevice, stream),
        "cudaMemcpyAsync from device to device");
  };
  const Result<std::vector<Timings>> timings =
      time_interleaved({copy}, {.cold = false, .limits = {.seconds = 0.5}});
  if (!timings) return timings.status();
  std::array<std::byte, 64> end{};
  const auto* last = static_cast<const std::byte*>(to->data()) + (bytes - end.size());
  const Status status =
      cuda_status(cudaMemcpy(end.data(), last, end.size(), cudaMemcpyDeviceToHost), "cudaMemcpy");
  if (!status) return status;
  if (std::ranges::any_of(end, [](std::byte byte) { return byte != kPattern; })) {
    return Status(ErrorCode::cuda_error, "the copy is not what was copied");
  }
  return *timings->front().warm;
}

}  // namespace

Roof measure_copy(std::size_t bytes) {
  Roof roof;
  roof.how = "cudaMemcpyAsync of " + std::to_string(bytes >> 20) + " MiB, read and written";
  const Result<Timing> timing = time_copy(bytes);
  if (!timing) {
    cudaGetLastError();  // it is said here, and no error of what is run later
    roof.reason = timing.status().message();
  } else if (timing->seconds > 0) {
    roof.rate = 2 * static_cast<double>(bytes) / timing->seconds;
    roof.noise = timing->noise;
  } else {
    roof.reason = "the copy took no time";
  }
  return roof;
}

}  // namespace foldconv::tool
