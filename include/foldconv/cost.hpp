// SPDX-License-Identifier: MIT
// The model by which plans are compared: what a launch costs, and the time that it takes at least.
// Not a measurement. Thread safety: all are free of state.
#pragma once

#include <string>

#include "foldconv/conv.hpp"
#include "foldconv/status.hpp"

namespace foldconv {

// What the model knows of a device, from its attributes.
struct FOLDCONV_API DeviceSpeed {
  double bytes_per_second = 0;       // DRAM, the attainable share of the nominal figure
  double flops_per_second = 0;       // 16-bit tensor-core products by mma.sync
  double simt_flops_per_second = 0;  // fp32 fused multiply-adds without tensor cores
  double launch_seconds =
      0;  // from the end of a kernel to the next one's first instruction, in one stream

  bool assumed = false;  // the driver does not report its clocks, or its rates are not known here

  std::string to_string() const;
};

// Of the current device. Errors: cuda_error.
FOLDCONV_API Result<DeviceSpeed> device_speed();

// One launch.
struct LaunchCost {
  bool tensor_cores = true;  // or fp32 units alone
  double dram_bytes = 0;     // compulsory: each tensor that the kernel reads or writes, once
  double flops = 0;          // multiplied and added, halo included
  double recomputed = 0;     // of flops: what another CTA computes, too
  double waves = 1;  // CTAs over those that run at a time; the last takes as long as a full one
};

// Of a convolution, as explain() or its plan explains it.
FOLDCONV_API LaunchCost cost_of(const ConvProblem& problem, const Explanation& explanation);

// max(bytes / bandwidth, flops / peak * waves rounded up / waves) + the launch; the peak is that of
// the units that the kernel computes on.
FOLDCONV_API double floor_seconds(const LaunchCost& cost, const DeviceSpeed& speed);

}  // namespace foldconv
