// SPDX-License-Identifier: MIT
// From a problem and a kernel to the arguments of its launch.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

#include "base/device.hpp"
#include "base/problem_sizes.hpp"
#include "catalog/registry.hpp"
#include "foldconv/conv.hpp"
#include "params/conv_params.hpp"

namespace foldconv::host {

struct LaunchShape {
  std::uint32_t grid = 0;  // CTAs
  std::uint32_t threads = 0;
  std::size_t shared_bytes = 0;
  std::uint32_t cluster = 1;  // CTAs that are launched together
};

ConvGeometry geometry(const ConvProblem& problem);
FastDivision division_by(std::int64_t divisor);
ActivationParams activation_params(const Activation& activation);

// CTAs of a tensor-core kernel: its tiles of y.
std::int64_t tile_count(const ConvTile& tile, const ConvProblem& problem);

// CTAs of `threads` threads for a grid-stride loop over `elements`: one pass, or as many as keep
// the device busy.
std::uint32_t loop_grid(std::int64_t elements, int threads, const DeviceFigures& device);

// Of a CTA of a tensor-core kernel. The problem passed index_rule().
std::int64_t shared_bytes(const ConvKernel& kernel, const ConvProblem& problem);

LaunchShape conv_launch_shape(const ConvKernel& kernel, const ConvProblem& problem,
                              const DeviceFigures& device);

// Names and sizes of a problem as kernels have them.
ConvGeometry geometry(const ConvProblem& problem);

// Parameters with all pointers null. Of a tile: without what its loader alone reads.
// Of pixels of params.c channels; `pitch`: of x, z (the residual) and y, 0: the channels.
void set_pitches(PointwiseParams& params, const Pitches& pitch);

ConvParams conv_params(const ConvKernel& kernel, const ConvProblem& problem);
ConvParams conv_params(const ConvTile& tile, const ConvProblem& problem);
DirectParams direct_params(const ConvProblem& problem);

// `params` points to the one parameter of the kernel, which is copied.
Status launch(EntryPoint entry, const LaunchShape& shape, void* params, cudaStream_t stream);

}  // namespace foldconv::host
