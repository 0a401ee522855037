// SPDX-License-Identifier: MIT
#include "cost/device_speed.hpp"

#include <cuda_runtime_api.h>

#include <algorithm>
#include <iterator>

#include "base/error.hpp"
#include "base/text.hpp"

namespace foldconv::host {
namespace {

// Copies reach about nine tenths of the nominal bandwidth (3.0 of 3.35 TB/s on H100 SXM).
constexpr double kAttainableBandwidth = 0.9;
// Between dependent kernels in a CUDA graph; an assumption, the same for every kernel.
constexpr double kLaunchSeconds = 1.5e-6;
// From an m16n8k16 with fp32 sums to the next one that adds to them. Measurements of dependent HMMA.16816.F32 that were
// published for later devices say 33 to 35 clocks; taken for all, an A100 may need fewer.
constexpr double kProductClocks = 33;

// For each SM and clock.
//   mma   fused multiply-adds of mma.sync, fp16 to fp32: NVIDIA's architecture papers. Of Hopper's 2048, which wgmma
//         has, mma.sync reaches 63 %.
//   fp32  fused multiply-adds without tensor cores: the same papers.
//   l2    bytes from L2, an estimate by published micro-benchmarks: 4.7 TB/s on an A100 at 1.41 GHz, 5.7 on an H100 at
//         1.755 GHz (Chips and Cheese, "Nvidia's H100: Funny L2, and Tons of Bandwidth"; Luo et al., "Dissecting the
//         NVIDIA Hopper Architecture through Microbenchmarking and Multiple Level Analysis"). Of the other devices an
//         assumption.
struct Rates {
  int capability;
  double mma, fp32, l2;
};
constexpr double kWgmma = 2048;
constexpr Rates kRates[] = {{80, 1024, 64, 30.9},
                            {86, 512, 128, 16},
                            {87, 512, 128, 16},
                            {89, 512, 128, 16},
                            {90, 0.63 * 2048, 128, 24.6}};
// Later devices run these kernels' mma.sync at a rate that no paper gives: an assumption.
constexpr Rates kLater = {0, 1024, 128, 16};

}  // namespace

DeviceSpeed speed_of(const DeviceClocks& clocks, const DeviceFigures& figures) {
  // Without clocks kernels still compare: by those of an A100.
  constexpr DeviceClocks kAssumed = {1'410'000, 1'215'000, 5120};
  const bool assumed = clocks.sm_khz <= 0 || clocks.memory_khz <= 0 || clocks.memory_bus_bits <= 0;
  const DeviceClocks& c = assumed ? kAssumed : clocks;
  const auto known = std::ranges::find(kRates, figures.capability, &Rates::capability);
  const Rates& rates = known == std::end(kRates) ? kLater : *known;
  const double clock = 1e3 * c.sm_khz, all_clocks = clock * figures.multiprocessors;
  return {// Two transfers a clock on every bit of the bus.
          .bytes_per_second = 2e3 * c.memory_khz * c.memory_bus_bits / 8 * kAttainableBandwidth,
          .l2_bytes_per_second = all_clocks * rates.l2,
          .flops_per_second = 2 * all_clocks * rates.mma,
          .wgmma_flops_per_second = figures.capability == 90 ? 2 * all_clocks * kWgmma : 0,
          .simt_flops_per_second = 2 * all_clocks * rates.fp32,
          .clocks_per_second = clock,
          .multiprocessors = figures.multiprocessors,
          .product_clocks = kProductClocks,
          .launch_seconds = kLaunchSeconds,
          .assumed = assumed || known == std::end(kRates)};
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

}  // namespace foldconv::host

namespace foldconv {

std::string DeviceSpeed::to_string() const {
  return host::text(host::fixed(bytes_per_second / 1e9, 0), " GB/s, ",
                    host::fixed(l2_bytes_per_second / 1e9, 0), " GB/s of L2, ",
                    host::fixed(flops_per_second / 1e12, 0), " TFLOP/s by mma.sync, ",
                    wgmma_flops_per_second > 0
                        ? host::text(host::fixed(wgmma_flops_per_second / 1e12, 0), " by wgmma, ")
                        : std::string(),
                    multiprocessors, " SMs at ", host::fixed(clocks_per_second / 1e9, 2), " GHz, ",
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

}  // namespace foldconv
