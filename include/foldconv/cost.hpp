// SPDX-License-Identifier: MIT
/// @file
/// The model by which kernels and plans are compared: what a launch costs, and the time that it takes at least.
/// Not a measurement. Thread safety: all are free of state.
#pragma once

#include <cstdint>
#include <string>

#include "foldconv/status.hpp"

namespace foldconv {

struct ConvProblem;

/// What the model knows of a device: its attributes, and rates of its architecture.
struct FOLDCONV_API DeviceSpeed {
  double bytes_per_second = 0;        ///< DRAM, the attainable share of the nominal figure
  double l2_bytes_per_second = 0;     ///< between L2 and all SMs
  double flops_per_second = 0;        ///< 16-bit tensor-core products by mma.sync, all SMs
  double wgmma_flops_per_second = 0;  ///< 16-bit products by wgmma, all SMs; 0: the device has none
  double simt_flops_per_second = 0;   ///< fp32 fused multiply-adds without tensor cores, all SMs
  double clocks_per_second = 0;       ///< of an SM, which serves a shared-memory wavefront each
  int multiprocessors = 0;
  double product_clocks = 0;  ///< from a tensor-core product to one that adds to its sums
  /// From the end of a kernel to the next one's first instruction, in one stream.
  double launch_seconds = 0;

  bool assumed = false;  ///< the driver does not report its clocks, or its rates are not known here

  std::string to_string() const;
};

/// Of the current device. Errors: cuda_error.
FOLDCONV_API Result<DeviceSpeed> device_speed();

/// One launch: sums over all of its CTAs but where a tile is named. A tile is what a CTA computes; of kernels whose CTAs
/// take several in turn, one of those.
struct LaunchCost {
  bool tensor_cores = true;   ///< or fp32 units alone
  bool wgmma = false;         ///< tensor cores by wgmma, else by mma.sync
  double dram_bytes = 0;      ///< compulsory: each tensor that the kernel reads or writes, once
  double l2_bytes = 0;        ///< read from L2 and written to it
  double flops = 0;           ///< multiplied and added, halo included
  double recomputed = 0;      ///< of flops: what another CTA computes, too
  double executed_flops = 0;  ///< what the units are given: the padding of tiles, too
  double wavefronts = 0;      ///< of shared memory: passes of up to 128 bytes over its banks
  double tiles = 0;           ///< 0: what an SM does is not known
  int resident = 1;           ///< CTAs that an SM runs at a time
  double chain = 0;           ///< products of a tile that wait for each other: its steps of 16 of K
  /// Of a tensor-core kernel: what the fp32 units are given beside them; 2 a multiply-add.
  double fp32_flops = 0;
};

/// Of a convolution by whatever kernel: the compulsory bytes and the operations. By the planned one: Explanation::cost. Tensors
/// that are parts of the channels of others count as dense ones do, as if they had their sectors of 32 bytes to themselves.
FOLDCONV_API LaunchCost least_cost(const ConvProblem& problem);

/// What a launch may wait for.
enum class CostTerm : std::uint8_t {
  dram,
  l2,
  tensor_cores,
  fp32_units,
  shared_memory,
  chain,
  launch,
};
/// "DRAM", "L2", "tensor cores", "fp32 units", "shared memory", "dependent products", "launch"
FOLDCONV_API const char* to_string(CostTerm term) noexcept;

/// Seconds of each term, as if it were alone. With T = tiles / SMs rounded up, the tiles of the fullest SM:
///
///     dram           dram_bytes / bandwidth
///     l2             l2_bytes / bandwidth
///     units          T x (executed_flops / tiles) / (peak / SMs)
///     fp32           T x (fp32_flops / tiles) / (peak of the fp32 units / SMs)
///     shared_memory  T x (wavefronts / tiles), one a clock
///     chain          T / resident, rounded up, x chain x product_clocks
struct CostTerms {
  double dram = 0, l2 = 0, units = 0, shared_memory = 0, chain = 0, launch = 0, fp32 = 0;
};
FOLDCONV_API CostTerms terms_of(const LaunchCost& cost, const DeviceSpeed& speed);

/// The longest of the terms but the launch, and the launch.
FOLDCONV_API double floor_seconds(const LaunchCost& cost, const DeviceSpeed& speed);

/// The longest of all terms.
FOLDCONV_API CostTerm limit_of(const LaunchCost& cost, const DeviceSpeed& speed);

}  // namespace foldconv
