#include "registry.hpp"

#include <algorithm>
#include <limits>

#include "entry_points.hpp"

namespace foldconv::host {
namespace {

constexpr ConvKernel kConvKernels[] = {
#define FOLDCONV_CONV_KERNEL(name, loader, dtype, tile, arch) \
  {#name, DataType::dtype, arch, kernels::name, ConvLoader::loader, &tiles::tile::value},
#define FOLDCONV_DIRECT_KERNEL(name, dtype, arch) \
  {#name, DataType::dtype, arch, kernels::name, ConvLoader::element, nullptr},
#include "kernels.inc"
};

constexpr ConvKernel kJoinedKernels[] = {
#define FOLDCONV_JOINED_KERNEL(name, dtype, tile, arch) \
  {#name, DataType::dtype, arch, kernels::name, ConvLoader::joined, &tiles::tile::value},
#include "kernels.inc"
};

constexpr BlockTailKernel kBlockTailKernels[] = {
#define FOLDCONV_BLOCK_TAIL_KERNEL(name, dtype, tile, arch) \
  {#name, DataType::dtype, arch, kernels::name, &tiles::tile::value},
#include "kernels.inc"
};

constexpr BottleneckKernel kBottleneckKernels[] = {
#define FOLDCONV_BOTTLENECK_KERNEL(name, dtype, tile, arch) \
  {#name, DataType::dtype, arch, kernels::name, &tiles::tile::value},
#include "kernels.inc"
};

constexpr PointwiseKernel kPointwiseKernels[] = {
#define FOLDCONV_POINTWISE_KERNEL(name, op, dtype, arch) \
  {#name, DataType::dtype, arch, kernels::name, PointwiseOp::op},
#include "kernels.inc"
};

template <class Kernel, std::size_t kCount, class Tile>
const Kernel* find(const Kernel (&kernels)[kCount], const Tile& tile, DataType dtype) {
  const auto found = std::ranges::find_if(
      kernels, [&](const Kernel& kernel) { return kernel.tile == &tile && kernel.dtype == dtype; });
  return found == std::end(kernels) ? nullptr : found;
}

}  // namespace

std::span<const ConvKernel> conv_kernels() {
  return kConvKernels;
}
std::span<const ConvKernel> joined_kernels() {
  return kJoinedKernels;
}
std::span<const BlockTailKernel> block_tail_kernels() {
  return kBlockTailKernels;
}
std::span<const BottleneckKernel> bottleneck_kernels() {
  return kBottleneckKernels;
}
std::span<const PointwiseKernel> pointwise_kernels() {
  return kPointwiseKernels;
}

const ConvKernel* find_conv_kernel(std::string_view name) {
  const auto found = std::ranges::find(kConvKernels, name, &ConvKernel::name);
  return found == std::end(kConvKernels) ? nullptr : found;
}

const ConvKernel* find_joined_kernel(const ConvTile& tile, DataType dtype) {
  return find(kJoinedKernels, tile, dtype);
}
const BlockTailKernel* find_block_tail_kernel(const BlockTailTile& tile, DataType dtype) {
  return find(kBlockTailKernels, tile, dtype);
}
const BottleneckKernel* find_bottleneck_kernel(const BottleneckTile& tile, DataType dtype) {
  return find(kBottleneckKernels, tile, dtype);
}

const PointwiseKernel* find_pointwise_kernel(PointwiseOp op, DataType dtype) {
  const auto found = std::ranges::find_if(kPointwiseKernels, [&](const PointwiseKernel& kernel) {
    return kernel.op == op && kernel.dtype == dtype;
  });
  return found == std::end(kPointwiseKernels) ? nullptr : found;
}

int oldest_supported_arch() {
  int oldest = std::numeric_limits<int>::max();
  for (const ConvKernel& kernel : kConvKernels) oldest = std::min(oldest, kernel.arch);
  return oldest;
}

}  // namespace foldconv::host
