#include "catalog/registry.hpp"

#include <algorithm>
#include <limits>

#include "entry_points.hpp"

namespace foldconv::host {
namespace {

constexpr ConvKernel kConvKernels[] = {
#define FOLDCONV_CONV_KERNEL(name, loader, dtype, tile, arch) \
  {#name, DataType::dtype, arch, kernels::name, ConvLoader::load_##loader, &tiles::tile::value},
#define FOLDCONV_DIRECT_KERNEL(name, dtype, arch) \
  {#name, DataType::dtype, arch, kernels::name, ConvLoader::load_element, nullptr},
#include "catalog.inc"
};

constexpr ConvKernel kJoinedKernels[] = {
#define FOLDCONV_JOINED_KERNEL(name, dtype, tile, arch) \
  {#name, DataType::dtype, arch, kernels::name, ConvLoader::load_joined, &tiles::tile::value},
#include "catalog.inc"
};

constexpr TailKernel kTailKernels[] = {
#define FOLDCONV_TAIL_KERNEL(name, dtype, tile, arch) \
  {#name, DataType::dtype, arch, kernels::name, &tiles::tile::value},
#include "catalog.inc"
};

constexpr WholeKernel kWholeKernels[] = {
#define FOLDCONV_WHOLE_KERNEL(name, dtype, tile, arch) \
  {#name, DataType::dtype, arch, kernels::name, &tiles::tile::value},
#include "catalog.inc"
};

constexpr PointwiseKernel kPointwiseKernels[] = {
#define FOLDCONV_POINTWISE_KERNEL(name, op, dtype, arch) \
  {#name, DataType::dtype, arch, kernels::name, PointwiseOp::op},
#include "catalog.inc"
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
std::span<const TailKernel> tail_kernels() {
  return kTailKernels;
}
std::span<const WholeKernel> whole_kernels() {
  return kWholeKernels;
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
const TailKernel* find_tail_kernel(const TailTile& tile, DataType dtype) {
  return find(kTailKernels, tile, dtype);
}
const WholeKernel* find_whole_kernel(const WholeTile& tile, DataType dtype) {
  return find(kWholeKernels, tile, dtype);
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
