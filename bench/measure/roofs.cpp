// SPDX-License-Identifier: MIT
#include "measure/roofs.hpp"

#include "harness/error.hpp"
#include "harness/time/timing.hpp"
#include "measure/copy_roof.hpp"
#include "measure/matrix_roof.hpp"

namespace foldconv::tool {
namespace {

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

void Roof::take(double amount, const harness::Timing& timing) {
  if (timing.seconds > 0) {
    rate = amount / timing.seconds;
    noise = timing.noise;
  } else {
    reason = "it took no time";
  }
}

const char* to_string(Limit limit) {
  switch (limit) {
    case Limit::memory:
      return "memory";
    case Limit::tensor:
      return "tensor";
    case Limit::fp32:
      return "fp32";
  }
  return "unknown";
}

Roofs roofs_of(const DeviceSpeed& model, const std::string& title) {
  const std::string how = "model of " + title;
  return {.measured = false,
          .copy = {.rate = model.bytes_per_second, .noise = 0, .how = how, .reason = ""},
          .gemm = {.rate = model.flops_per_second, .noise = 0, .how = how, .reason = ""},
          .empty_span_seconds = 0,
          .model = model};
}

Roofs measure_roofs(const harness::Device& device) {
  Roofs roofs;
  roofs.measured = true;
  roofs.copy = measure_copy(kCopyBytes);
  roofs.gemm = device.emulated ? Roof{.rate = 0,
                                      .noise = 0,
                                      .how = "",
                                      .reason = "the emulator runs no kernels of cuBLASLt"}
                               : measure_matrix_product("libcublasLt.so.13");
  roofs.empty_span_seconds = empty_span_seconds();
  return roofs;
}

Floor floor_of(const harness::Work& work, const Roofs& roofs) {
  const double memory = roofs.copy.known() ? work.bytes / roofs.copy.rate : 0;
  const double tensor = roofs.gemm.known() ? work.flops / roofs.gemm.rate : 0;
  return tensor > memory ? Floor{tensor, Limit::tensor} : Floor{memory, Limit::memory};
}

Floor floor_of(const std::vector<LaunchCost>& launches, const DeviceSpeed& model) {
  Floor floor;
  double longest = 0;
  for (const LaunchCost& launch : launches) {
    const double seconds = floor_seconds(launch, model);
    floor.seconds += seconds;
    if (seconds <= longest) continue;
    longest = seconds;
    LaunchCost bytes_alone = launch;
    bytes_alone.flops = 0;
    floor.limit = floor_seconds(bytes_alone, model) == seconds ? Limit::memory
                  : launch.tensor_cores                        ? Limit::tensor
                                                               : Limit::fp32;
  }
  return floor;
}

double share_of(const Floor& floor, double seconds) {
  return seconds > 0 ? floor.seconds / seconds : 0;
}

}  // namespace foldconv::tool
