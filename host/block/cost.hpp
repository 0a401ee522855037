// SPDX-License-Identifier: MIT
// The model by which the planner compares cuts: bytes, FLOPs and waves of each launch, and the time
// they take at least.
#pragma once

#include <string>

#include "base/device.hpp"
#include "foldconv/conv.hpp"

namespace foldconv::host {

// What the model knows of a device, from its attributes.
struct DeviceSpeed {
  double bytes_per_second = 0;       // DRAM, the attainable share of the nominal figure
  double flops_per_second = 0;       // 16-bit tensor-core products by mma.sync
  double simt_flops_per_second = 0;  // fp32 fused multiply-adds without tensor cores
  double launch_seconds =
      0;  // from the end of a kernel to the next one's first instruction, in one stream

  bool assumed = false;  // the driver does not report its clocks, or its rates are not known here

  std::string to_string() const;
};

// As the driver reports them; 0 where it does not.
struct DeviceClocks {
  int sm_khz = 0;
  int memory_khz = 0;
  int memory_bus_bits = 0;
};
DeviceSpeed speed_of(const DeviceClocks& clocks, const DeviceFigures& figures);

Result<DeviceSpeed> device_speed(int device, const DeviceFigures& figures);

// One launch. Bytes are compulsory: each tensor that the kernel reads or writes, once.
struct LaunchCost {
  bool tensor_cores = true;
  double bytes = 0;
  double flops = 0;
  double recomputed = 0;  // of flops: what another CTA computes, too
  double waves =
      1;  // CTAs over those that run at a time; the last wave takes as long as a full one
};

// Of a single convolution.
LaunchCost cost_of(const ConvPlan& plan);

// Elements of x that a convolution reads: with strides over 1, a filter may skip some.
double elements_read(const ConvProblem& problem);

// max(bytes / bandwidth, flops / peak * ceil(waves) / waves) + the launch; the peak is that of the
// units that the kernel computes on
double floor_seconds(const LaunchCost& cost, const DeviceSpeed& speed);

}  // namespace foldconv::host
