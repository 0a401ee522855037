// SPDX-License-Identifier: MIT
#include "block/cost.hpp"

#include <cuda_runtime_api.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <numeric>

#include "base/error.hpp"
#include "base/text.hpp"
#include "catalog/registry.hpp"

namespace foldconv::host {
namespace {

// Copies reach about nine tenths of the nominal bandwidth (3.0 of 3.35 TB/s on H100 SXM).
constexpr double kAttainableBandwidth = 0.9;
// Between dependent kernels in a CUDA graph; an assumption, the same for every cut.
constexpr double kLaunchSeconds = 1.5e-6;

// Fused multiply-adds for each SM and clock: of mma.sync, fp16 to fp32, and of fp32 without tensor
// cores. NVIDIA's architecture papers; mma.sync reaches 63% of the 2048 that Hopper's wgmma has.
struct Rates {
  int capability;
  double mma, fp32;
};
constexpr Rates kRates[] = {
    {80, 1024, 64}, {86, 512, 128}, {87, 512, 128}, {89, 512, 128}, {90, 0.63 * 2048, 128}};
// Later devices run these kernels' mma.sync at a rate that no paper gives: an assumption.
constexpr Rates kLater = {0, 1024, 128};

}  // namespace

DeviceSpeed speed_of(const DeviceClocks& clocks, const DeviceFigures& figures) {
  // Without clocks the cuts still compare by bytes and FLOPs: those of an A100.
  constexpr DeviceClocks kAssumed = {1'410'000, 1'215'000, 5120};
  const bool assumed = clocks.sm_khz <= 0 || clocks.memory_khz <= 0 || clocks.memory_bus_bits <= 0;
  const DeviceClocks& c = assumed ? kAssumed : clocks;
  const auto known = std::ranges::find(kRates, figures.capability, &Rates::capability);
  const Rates& rates = known == std::end(kRates) ? kLater : *known;
  const double clocks_per_second = 1e3 * c.sm_khz * figures.multiprocessors;
  // Two transfers a clock on every bit of the bus.
  return {2e3 * c.memory_khz * c.memory_bus_bits / 8 * kAttainableBandwidth,
          2 * clocks_per_second * rates.mma, 2 * clocks_per_second * rates.fp32, kLaunchSeconds,
          assumed || known == std::end(kRates)};
}

Result<DeviceSpeed> device_speed(int device, const DeviceFigures& figures) {
  DeviceClocks clocks;
  const struct {
    cudaDeviceAttr attribute;
    int* value;
  } queries[] = {{cudaDevAttrClockRate, &clocks.sm_khz},
                 {cudaDevAttrMemoryClockRate, &clocks.memory_khz},
                 {cudaDevAttrGlobalMemoryBusWidth, &clocks.memory_bus_bits}};
  for (const auto& query : queries) {
    const cudaError_t code = cudaDeviceGetAttribute(query.value, query.attribute, device);
    if (code != cudaSuccess) return cuda_failure(code, "cudaDeviceGetAttribute");
  }
  return speed_of(clocks, figures);
}

std::int64_t pixels_met(int size, int outputs, const Window& window) {
  // Output i meets row first + i * stride by a tap. The last tap before it that meets rows of the same kind is
  // stride / gcd taps away, and meets them dilation / gcd outputs later: what it met is counted already.
  const auto& [stride, pad, taps, dilation] = window;
  const int gcd = std::gcd(stride, dilation);
  std::int64_t count = 0;
  for (int tap = 0; tap < taps; ++tap) {
    const std::int64_t first = std::int64_t{tap} * dilation - pad;
    if (first >= size) break;
    std::int64_t from = first < 0 ? (stride - 1 - first) / stride : 0;
    if (tap >= stride / gcd) from = std::max<std::int64_t>(from, outputs - dilation / gcd);
    const std::int64_t to = std::min<std::int64_t>(outputs, (size - 1 - first) / stride + 1);
    count += std::max<std::int64_t>(to - from, 0);
  }
  return count;
}

double elements_read(const ConvProblem& p) {
  return double(pixels_met(p.h, p.p(), {p.stride.h, p.pad.top, p.r, p.dilation.h})) *
         double(pixels_met(p.w, p.q(), {p.stride.w, p.pad.left, p.s, p.dilation.w})) * p.n * p.c;
}

}  // namespace foldconv::host

namespace foldconv {

std::string DeviceSpeed::to_string() const {
  return host::text(host::fixed(bytes_per_second / 1e9, 0), " GB/s, ",
                    host::fixed(flops_per_second / 1e12, 0), " TFLOP/s by mma.sync, ",
                    launch_seconds * 1e6, " us a launch",
                    assumed ? "; clocks or rates assumed: none known for this device" : "");
}

Result<DeviceSpeed> device_speed() {
  const Result<int> device = host::current_device();
  if (!device.ok()) return device.status();
  const Result<host::DeviceFigures> figures = host::device_figures(*device);
  if (!figures.ok()) return figures.status();
  return host::device_speed(*device, *figures);
}

LaunchCost cost_of(const ConvProblem& problem, const Explanation& explanation) {
  const int channels = problem.c / problem.groups;
  const double weights = double(problem.k) * channels * problem.r * problem.s;
  const double elements = host::elements_read(problem) + weights +
                          double(problem.output().elements()) * (problem.residual ? 2 : 1);
  const auto* kernel = host::find_conv_kernel(explanation.kernel);
  return {.tensor_cores = kernel == nullptr || !kernel->direct(),
          .dram_bytes = elements * double(size_of(problem.dtype)),
          .flops = problem.flops(),
          .waves = explanation.waves};
}

double floor_seconds(const LaunchCost& cost, const DeviceSpeed& speed) {
  const double tail = cost.waves > 0 ? std::ceil(cost.waves) / cost.waves : 1;
  const double peak = cost.tensor_cores ? speed.flops_per_second : speed.simt_flops_per_second;
  return std::max(cost.dram_bytes / speed.bytes_per_second, cost.flops / peak * tail) +
         speed.launch_seconds;
}

}  // namespace foldconv
