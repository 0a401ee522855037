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

}  // namespace

std::span<const ConvKernel> conv_kernels() {
  return kConvKernels;
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

const BottleneckKernel* find_bottleneck_kernel(const BottleneckTile& tile, DataType dtype) {
  const auto found = std::ranges::find_if(kBottleneckKernels, [&](const BottleneckKernel& kernel) {
    return kernel.tile == &tile && kernel.dtype == dtype;
  });
  return found == std::end(kBottleneckKernels) ? nullptr : found;
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
