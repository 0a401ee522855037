// SPDX-License-Identifier: MIT
#include "measure/copy_roof.hpp"

#include <algorithm>
#include <array>

#include "harness/device/buffer.hpp"
#include "harness/error.hpp"
#include "harness/time/timing.hpp"

namespace foldconv::tool {
namespace {

using harness::check;

constexpr std::byte kPattern{0x5B};

harness::Timing time_copy(std::size_t bytes) {
  const harness::DeviceBuffer from(bytes), to(bytes);
  check(cudaMemset(from.data(), std::to_integer<int>(kPattern), bytes), "cudaMemset");
  const harness::Launch copy = [&](cudaStream_t stream) {
    check(cudaMemcpyAsync(to.data(), from.data(), bytes, cudaMemcpyDeviceToDevice, stream),
          "cudaMemcpyAsync from device to device");
  };
  const std::vector<harness::Timings> timings =
      harness::time_interleaved({copy}, {.cold = false, .limits = {.seconds = 0.5}});
  std::array<std::byte, 64> end{};
  const auto* last = static_cast<const std::byte*>(to.data()) + (bytes - end.size());
  check(cudaMemcpy(end.data(), last, end.size(), cudaMemcpyDeviceToHost), "cudaMemcpy");
  if (std::ranges::any_of(end, [](std::byte byte) { return byte != kPattern; })) {
    throw harness::Error(ErrorCode::cuda_error, "the copy is not what was copied");
  }
  return timings.front().warm.value();
}

}  // namespace

Roof measure_copy(std::size_t bytes) {
  Roof roof;
  roof.how = "cudaMemcpyAsync of " + std::to_string(bytes >> 20) + " MiB, read and written";
  try {
    roof.take(2 * static_cast<double>(bytes), time_copy(bytes));
  } catch (const harness::Error& error) {
    roof.reason = error.what();
  }
  return roof;
}

}  // namespace foldconv::tool
