// SPDX-License-Identifier: MIT
#include "measure/roofs.hpp"

#include <algorithm>
#include <array>

#include "harness/device/buffer.hpp"
#include "harness/error.hpp"
#include "harness/time/timing.hpp"

namespace foldconv::tool {
namespace {

using harness::check;

// Some twenty times the L2 cache of an H100.
constexpr std::size_t kCopyBytes = std::size_t{1} << 30;
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

double empty_span_seconds() {
  try {
    const harness::Launch nothing = [](cudaStream_t) {};
    return harness::time_interleaved({nothing}, {.warm = false, .limits = {.seconds = 0.1}})
        .front()
        .cold->seconds;
  } catch (const harness::Error&) {
    return 0;
  }
}

}  // namespace

Roof measure_roof(const std::string& how, double amount,
                  const std::function<harness::Timing()>& time) {
  try {
    const harness::Timing timing = time();
    if (!(timing.seconds > 0)) return {.how = how, .reason = "it took no time"};
    return {.rate = amount / timing.seconds, .noise = timing.noise, .how = how};
  } catch (const harness::Error& error) {
    return {.how = how, .reason = error.what()};
  }
}

Roof measure_copy(std::size_t bytes) {
  return measure_roof(
      "cudaMemcpyAsync of " + std::to_string(bytes >> 20) + " MiB, read and written",
      2 * static_cast<double>(bytes), [bytes] { return time_copy(bytes); });
}

Roofs roofs_of(const DeviceSpeed& model, const std::string& title) {
  const std::string how = "model of " + title;
  return {.copy = {.rate = model.bytes_per_second, .how = how},
          .gemm = {.rate = model.flops_per_second, .how = how},
          .model = model};
}

Roofs measure_roofs() {
  return {.copy = measure_copy(kCopyBytes),
          .gemm = measure_matrix_product("libcublasLt.so.13"),
          .empty_span_seconds = empty_span_seconds()};
}

Floor floor_of(const harness::Work& work, const Roofs& roofs) {
  const double memory = roofs.copy.known() ? work.bytes / roofs.copy.rate : 0;
  const double tensor = roofs.gemm.known() ? work.flops / roofs.gemm.rate : 0;
  return tensor > memory ? Floor{tensor, CostTerm::tensor_cores} : Floor{memory, CostTerm::dram};
}

Floor floor_of(const std::vector<LaunchCost>& launches, const DeviceSpeed& model) {
  Floor floor;
  double longest = 0;
  for (const LaunchCost& launch : launches) {
    const double seconds = floor_seconds(launch, model);
    floor.seconds += seconds;
    if (seconds <= longest) continue;
    longest = seconds;
    floor.limit = limit_of(launch, model);
  }
  return floor;
}

}  // namespace foldconv::tool
