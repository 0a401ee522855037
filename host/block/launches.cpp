// SPDX-License-Identifier: MIT
#include "block/launches.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/sizes.hpp"
#include "base/trace.hpp"

namespace foldconv::host {
namespace {

constexpr std::int64_t kTensorAlignment = 256;  // whole lines

// The pointers of one launch.
struct Bound {
  const void *x, *shortcut;
  void *y, *next;
};

// The joined convolution.
void bind(ConvParams& params, const Bound& tensors) {
  params.x = tensors.x;
  params.second.x = tensors.shortcut;
  params.y = tensors.y;
}
void bind(WholeParams& params, const Bound& tensors) {
  params.x = tensors.x;
  params.y = tensors.y;
}
void bind(InvertedParams& params, const Bound& tensors) {
  params.x = tensors.x;
  params.y = tensors.y;
}
void bind(TailParams& params, const Bound& tensors) {
  params.conv2.x = tensors.x;
  (params.projection.c > 0 ? params.projection.x : params.identity) = tensors.shortcut;
  params.y = tensors.y;
  params.next_y = tensors.next;
}

// Fewer images: fewer tiles.
void take_images(ConvParams& params, LaunchShape& shape, const KernelLaunch& kernel, int n,
                 int images) {
  const std::int64_t before = ceil_div(params.m, kernel.tile_pixels);
  params.m = params.m / n * images;
  params.g.n = images;
  shape.grid =
      static_cast<std::uint32_t>(shape.grid / before * ceil_div(params.m, kernel.tile_pixels));
}
void take_images(TailParams& params, LaunchShape& shape, const KernelLaunch& kernel, int n,
                 int images) {
  take_images(params.conv2, shape, kernel, n, images);
}
template <class Params>  // of whole blocks
void take_images(Params& params, LaunchShape& shape, const KernelLaunch&, int n, int images) {
  params.tiles = params.tiles / n * images;
  params.n = images;
  shape.grid = std::min(shape.grid, static_cast<std::uint32_t>(params.tiles));
}

}  // namespace

bool BlockWorkspace::inside(const BlockTensor& tensor) const {
  if (tensor.role == BlockTensor::Role::output)
    return tensor.block >= 0 && tensor.block + 1 < blocks_;
  return tensor.role != BlockTensor::Role::none;
}

int BlockWorkspace::slot(const BlockTensor& tensor) {
  switch (tensor.role) {
    case BlockTensor::Role::t1:
      return tensor.block % 2;
    case BlockTensor::Role::output:
      return 2 + tensor.block % 2;
    default:
      return 4;
  }
}

std::size_t BlockWorkspace::offset(int slot) const {
  std::int64_t offset = 0;
  for (int i = 0; i < slot; ++i) {
    const auto bytes = static_cast<std::int64_t>(sizes_[static_cast<std::size_t>(i)]);
    offset += ceil_div(bytes, kTensorAlignment) * kTensorAlignment;
  }
  return static_cast<std::size_t>(offset);
}

void* BlockWorkspace::find(const BlockTensor& tensor, const BlockBuffers& buffers) const {
  if (inside(tensor)) return static_cast<std::byte*>(buffers.workspace) + offset(slot(tensor));
  if (tensor.role == BlockTensor::Role::none) return nullptr;
  return tensor.block < 0 ? const_cast<void*>(buffers.x) : buffers.y;
}

Status run(const BlockLaunch& launch, const BlockWorkspace& workspace, const BlockBuffers& buffers,
           int n, cudaStream_t stream) {
  const Bound tensors = {workspace.find(launch.x, buffers),
                         workspace.find(launch.shortcut, buffers),
                         workspace.find(launch.y, buffers), workspace.find(launch.next, buffers)};
  if (const auto* plan = std::get_if<ConvPlan>(&launch.work)) {
    return plan->run(
        {.x = tensors.x, .residual = tensors.shortcut, .y = tensors.y, .images = buffers.images},
        stream);
  }
  const auto& kernel = std::get<KernelLaunch>(launch.work);
  const TraceRange range(launch.kernel.c_str());
  return std::visit(
      [&](auto params) {
        bind(params, tensors);
        LaunchShape shape = kernel.shape;
        if (buffers.images != n) take_images(params, shape, kernel, n, buffers.images);
        return host::launch(kernel.entry, shape, &params, stream);
      },
      kernel.params);
}

}  // namespace foldconv::host
