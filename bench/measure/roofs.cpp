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

Roofs roofs_of(const GpuModel& model) {
  const std::string how = std::string("model of ") + model.title;
  return {.measured = false,
          .copy = {.rate = model.bytes_per_second, .noise = 0, .how = how, .reason = ""},
          .gemm = {.rate = model.tensor_flops_per_second, .noise = 0, .how = how, .reason = ""},
          .empty_span_seconds = 0};
}

Roofs measure_roofs(const harness::Device& device) {
  Roofs roofs{.measured = true, .copy = {}, .gemm = {}, .empty_span_seconds = 0};
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

double share_of(const Floor& floor, double seconds) {
  return seconds > 0 ? floor.seconds / seconds : 0;
}

}  // namespace foldconv::tool
