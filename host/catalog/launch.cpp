// SPDX-License-Identifier: MIT
#include "catalog/launch.hpp"

#include <algorithm>
#include <limits>

#include "base/error.hpp"
#include "base/sizes.hpp"
#include "catalog/depthwise.hpp"
#include "catalog/grouped.hpp"
#include "catalog/row_planes.hpp"
#include "tile/gate_rows.hpp"

namespace foldconv::host {
namespace {

std::int64_t n_tiles_per_group(const ConvTile& tile, const ConvProblem& problem) {
  return ceil_div(k_per_group(problem), tile.block_n);
}

}  // namespace

ConvGeometry geometry(const ConvProblem& problem) {
  return {.n = problem.n,
          .h = problem.h,
          .w = problem.w,
          .c = problem.c,
          .k = problem.k,
          .p = problem.p(),
          .q = problem.q(),
          .r = problem.r,
          .s = problem.s,
          .stride_h = problem.stride.h,
          .stride_w = problem.stride.w,
          .pad_top = problem.pad.top,
          .pad_left = problem.pad.left,
          .dilation_h = problem.dilation.h,
          .dilation_w = problem.dilation.w,
          .groups = problem.groups,
          .c_per_group = c_per_group(problem),
          .k_per_group = k_per_group(problem),
          .x_pitch = x_pitch(problem),
          .residual_pitch = residual_pitch(problem),
          .y_pitch = y_pitch(problem)};
}

namespace {

int images_of_tile(const ConvTile& tile, const ConvProblem& problem) {
  return gate_images(tile.block_m, std::int64_t{problem.p()} * problem.q(), problem.n);
}

}  // namespace

FastDivision division_by(std::int64_t divisor) {
  return FastDivision(static_cast<std::uint32_t>(divisor));
}

ActivationParams activation_params(const Activation& activation) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const auto params = [](const Activation& of) {
    return ActivationParams{static_cast<int>(of.kind), of.alpha, of.beta};
  };
  switch (activation.kind) {
    case Activation::Kind::none:
      return params(Activation::clip(-kInfinity, kInfinity));
    case Activation::Kind::relu:
      return params(Activation::clip(0, kInfinity));
    case Activation::Kind::relu6:
      return params(Activation::clip(0, 6));
    default:
      return params(activation);
  }
}

std::int64_t tile_count(const ConvTile& tile, const ConvProblem& problem) {
  return ceil_div(output_pixels(problem), tile.block_m) * problem.groups *
         n_tiles_per_group(tile, problem);
}

std::uint32_t loop_grid(std::int64_t elements, int threads, const DeviceFigures& device) {
  // Enough to even out the end of the loop, and few enough that starting CTAs costs nothing.
  constexpr std::int64_t kCtasPerSm = 32;
  return static_cast<std::uint32_t>(
      std::min(ceil_div(elements, threads), device.multiprocessors * kCtasPerSm));
}

std::int64_t shared_bytes(const ConvKernel& kernel, const ConvProblem& problem) {
  const ConvTile& tile = *kernel.tile;
  const WeightLayout layout = weight_layout(problem);
  if (kernel.loader == ConvLoader::load_halo) {
    return HaloTile{tile}.shared_bytes(halo_reach(problem), layout.slices());
  }
  const int entries = table_entries(kernel.loader, layout);
  if (kernel.loader == ConvLoader::load_gated) {
    return tile.shared_bytes(0) +
           std::int64_t{tile.stages} * images_of_tile(tile, problem) * kGateRowBytes;
  }
  if (kernel.loader != ConvLoader::load_rows) return tile.shared_bytes(entries);
  // The output takes the place of everything else.
  constexpr std::int64_t kDeltaBytes = 8, kElementBytes = 2;
  const std::int64_t operands = std::int64_t{tile.stages} * tile.block_n * kSliceBytes +
                                entries * kDeltaBytes +
                                row_planes(tile, problem).elements * kElementBytes;
  return std::max<std::int64_t>(operands, tile.output_bytes());
}

LaunchShape conv_launch_shape(const ConvKernel& kernel, const ConvProblem& problem,
                              const DeviceFigures& device) {
  if (kernel.depthwise != nullptr) return depthwise_launch_shape(*kernel.depthwise, problem);
  if (kernel.grouped != nullptr) return grouped_launch_shape(*kernel.grouped, problem, device);
  if (kernel.direct()) {
    const std::int64_t elements = output_pixels(problem) * problem.k;
    return {loop_grid(elements, kDirectThreads, device), kDirectThreads, 0};
  }
  return {static_cast<std::uint32_t>(tile_count(*kernel.tile, problem)),
          static_cast<std::uint32_t>(kernel.tile->threads()),
          static_cast<std::size_t>(shared_bytes(kernel, problem))};
}

ConvParams conv_params(const ConvTile& tile, const ConvProblem& problem) {
  const std::int64_t tiles_per_group = n_tiles_per_group(tile, problem);
  const ConvGeometry g = geometry(problem);
  ConvParams params = {};
  params.g = g;
  params.activation = activation_params(problem.activation);
  params.m = static_cast<int>(output_pixels(problem));
  params.k_blocks = weight_layout(problem).row() / kSliceWidth;
  params.vector_output = g.k % 8 == 0 && g.k_per_group % 8 == 0;
  params.per_image = division_by(std::int64_t{g.p} * g.q);
  params.per_row = division_by(g.q);
  params.n_tiles = division_by(tiles_per_group * g.groups);
  params.n_tiles_per_group = division_by(tiles_per_group);
  params.taps = division_by(std::int64_t{g.r} * g.s);
  params.kernel_w = division_by(g.s);
  params.channels = division_by(g.c_per_group);
  params.dilation_h = division_by(g.dilation_h);
  params.dilation_w = division_by(g.dilation_w);
  return params;
}

ConvParams conv_params(const ConvKernel& kernel, const ConvProblem& problem) {
  ConvParams params = conv_params(*kernel.tile, problem);
  if (kernel.loader == ConvLoader::load_rows) {
    params.rows = row_planes(*kernel.tile, problem).params;
  }
  if (kernel.loader == ConvLoader::load_gated) {
    params.gate.images = images_of_tile(*kernel.tile, problem);
  }
  return params;
}

DirectParams direct_params(const ConvProblem& problem) {
  DirectParams params = {};
  params.g = geometry(problem);
  params.activation = activation_params(problem.activation);
  return params;
}

void set_pitches(PointwiseParams& params, const Pitches& pitch) {
  const auto pitch_of = [&](int given) { return given != 0 ? given : params.c; };
  params.pitched = pitch == Pitches{} ? 0 : 1;
  params.x_pitch = pitch_of(pitch.x);
  params.z_pitch = pitch_of(pitch.residual);
  params.y_pitch = pitch_of(pitch.y);
  params.channels = division_by(params.c);
}

Status launch(EntryPoint entry, const LaunchShape& shape, void* params, cudaStream_t stream) {
  void* arguments[] = {params};
  const auto launch_clusters = [&] {
    cudaLaunchAttribute cluster = {};
    cluster.id = cudaLaunchAttributeClusterDimension;
    cluster.val.clusterDim = {shape.cluster, 1, 1};
    cudaLaunchConfig_t config = {};
    config.gridDim = dim3(shape.grid);
    config.blockDim = dim3(shape.threads);
    config.dynamicSmemBytes = shape.shared_bytes;
    config.stream = stream;
    config.attrs = &cluster;
    config.numAttrs = 1;
    return cudaLaunchKernelExC(&config, entry(), arguments);
  };
  const cudaError_t code = shape.cluster > 1
                               ? launch_clusters()
                               : cudaLaunchKernel(entry(), dim3(shape.grid), dim3(shape.threads),
                                                  arguments, shape.shared_bytes, stream);
  if (code != cudaSuccess) return cuda_failure(code, "the kernel launch");
  return {};
}

}  // namespace foldconv::host
