// SPDX-License-Identifier: MIT
#include "catalog/registry.hpp"

#include <array>
#include <limits>

#include "base/error.hpp"
#include "base/text.hpp"
#include "catalog/kernel_name.hpp"
#include "entry_points.hpp"
#include "foldconv/kernel_list.hpp"
#include "tile/tiles.hpp"

namespace foldconv {
namespace host {
namespace {

// Words of catalog.inc.
using namespace arch;
#define FOLDCONV_NAME(...) kKernelName<[] { return __VA_ARGS__; }>.c_str()

constexpr ConvKernel kConvKernels[] = {
#define FOLDCONV_CONV_KERNEL(loader, dtype, tile, arch, reason)          \
  {FOLDCONV_NAME(conv_name(#loader, #dtype, tiles::tile::value, #arch)), \
   DataType::dtype,                                                      \
   arch,                                                                 \
   kernels::conv_##loader##_##dtype##_##tile##_##arch,                   \
   ConvLoader::load_##loader,                                            \
   &tiles::tile::value,                                                  \
   reason},
#define FOLDCONV_DEPTHWISE_KERNEL(dtype, tile, arch, reason)         \
  {FOLDCONV_NAME(depthwise_name(#dtype, tiles::tile::value, #arch)), \
   DataType::dtype,                                                  \
   arch,                                                             \
   kernels::depthwise_##dtype##_##tile##_##arch,                     \
   ConvLoader::load_element,                                         \
   nullptr,                                                          \
   reason,                                                           \
   &tiles::tile::value},
#define FOLDCONV_GROUPED_KERNEL(dtype, tile, arch, reason)         \
  {FOLDCONV_NAME(grouped_name(#dtype, tiles::tile::value, #arch)), \
   DataType::dtype,                                                \
   arch,                                                           \
   kernels::conv_grouped_##dtype##_##tile##_##arch,                \
   ConvLoader::load_narrow,                                        \
   nullptr,                                                        \
   reason,                                                         \
   nullptr,                                                        \
   &tiles::tile::value},
#define FOLDCONV_DIRECT_KERNEL(dtype, arch)                                                 \
  {FOLDCONV_NAME(simple_name("direct", #dtype, #arch)),                                     \
   DataType::dtype,                                                                         \
   arch,                                                                                    \
   kernels::direct_##dtype##_##arch,                                                        \
   ConvLoader::load_element,                                                                \
   nullptr,                                                                                 \
   "no tensor-core kernel takes the problem (for f32 there is none); this one takes every " \
   "problem"},
#include "catalog.inc"
};

constexpr Sm90Kernel kSm90Kernels[] = {
#define FOLDCONV_SM90_KERNEL(dtype, tile, reason)        \
  {FOLDCONV_NAME(sm90_name(#dtype, tiles::tile::value)), \
   DataType::dtype,                                      \
   sm90a,                                                \
   kernels::conv_sm90_##dtype##_##tile,                  \
   &tiles::tile::value,                                  \
   reason},
#include "catalog.inc"
};

constexpr ConvKernel kJoinedKernels[] = {
#define FOLDCONV_JOINED_KERNEL(dtype, tile, arch, reason)                 \
  {FOLDCONV_NAME(conv_name("joined", #dtype, tiles::tile::value, #arch)), \
   DataType::dtype,                                                       \
   arch,                                                                  \
   kernels::conv_joined_##dtype##_##tile##_##arch,                        \
   ConvLoader::load_joined,                                               \
   &tiles::tile::value,                                                   \
   reason},
#include "catalog.inc"
};

constexpr TailKernel kTailKernels[] = {
#define FOLDCONV_TAIL_KERNEL(dtype, tile, arch)                                        \
  {FOLDCONV_NAME(tail_name(#dtype, tiles::tile::value, #arch)), DataType::dtype, arch, \
   kernels::block_tail_##dtype##_##tile##_##arch, &tiles::tile::value},
#include "catalog.inc"
};

constexpr WholeKernel kWholeKernels[] = {
#define FOLDCONV_WHOLE_KERNEL(dtype, tile, arch)                                        \
  {FOLDCONV_NAME(whole_name(#dtype, tiles::tile::value, #arch)), DataType::dtype, arch, \
   kernels::block_whole_##dtype##_##tile##_##arch, &tiles::tile::value},
#include "catalog.inc"
};

constexpr StemKernel kStemKernels[] = {
#define FOLDCONV_STEM_KERNEL(dtype, tile, arch)                                        \
  {FOLDCONV_NAME(stem_name(#dtype, tiles::tile::value, #arch)), DataType::dtype, arch, \
   kernels::stem_##dtype##_##tile##_##arch, &tiles::tile::value},
#include "catalog.inc"
};

constexpr InvertedKernel kInvertedKernels[] = {
#define FOLDCONV_INVERTED_KERNEL(dtype, tile, arch)                                        \
  {FOLDCONV_NAME(inverted_name(#dtype, tiles::tile::value, #arch)), DataType::dtype, arch, \
   kernels::block_inverted_##dtype##_##tile##_##arch, &tiles::tile::value},
#include "catalog.inc"
};

constexpr PointwiseKernel kPointwiseKernels[] = {
#define FOLDCONV_POINTWISE_KERNEL(op, dtype, arch)                        \
  {FOLDCONV_NAME(simple_name(#op, #dtype, #arch)), DataType::dtype, arch, \
   kernels::op##_##dtype##_##arch, PointwiseOp::op},
#include "catalog.inc"
};

constexpr LayerKernel kLayerKernels[] = {
#define FOLDCONV_LAYER_KERNEL(op, dtype, arch)                            \
  {FOLDCONV_NAME(simple_name(#op, #dtype, #arch)), DataType::dtype, arch, \
   kernels::op##_##dtype##_##arch, LayerOp::op},
#include "catalog.inc"
};

constexpr auto kEveryKernel = [] {
  std::array<KernelInfo, std::size(kConvKernels) + std::size(kSm90Kernels) +
                             std::size(kJoinedKernels) + std::size(kTailKernels) +
                             std::size(kWholeKernels) + std::size(kStemKernels) +
                             std::size(kInvertedKernels) + std::size(kPointwiseKernels) +
                             std::size(kLayerKernels)>
      list = {};
  std::size_t count = 0;
  const auto add = [&](KernelFamily family, const auto& kernel) {
    list[count++] = {kernel.name, family, kernel.dtype, kernel.arch.capability};
  };
  for (const auto& kernel : kConvKernels) {
    // Not direct(): the sanitizers allow no comparison of addresses in a constant.
    const std::string_view name(kernel.name);
    add(name.starts_with("direct_")      ? KernelFamily::direct
        : name.starts_with("depthwise_") ? KernelFamily::depthwise
                                         : KernelFamily::conv,
        kernel);
  }
  for (const auto& kernel : kSm90Kernels) add(KernelFamily::conv, kernel);
  for (const auto& kernel : kJoinedKernels) add(KernelFamily::joined, kernel);
  for (const auto& kernel : kTailKernels) add(KernelFamily::tail, kernel);
  for (const auto& kernel : kWholeKernels) add(KernelFamily::whole, kernel);
  for (const auto& kernel : kStemKernels) add(KernelFamily::stem, kernel);
  for (const auto& kernel : kInvertedKernels) add(KernelFamily::inverted, kernel);
  for (const auto& kernel : kPointwiseKernels) add(KernelFamily::pointwise, kernel);
  for (const auto& kernel : kLayerKernels) add(KernelFamily::layer, kernel);
  return list;
}();

template <class Kernel, std::size_t kCount, class Tile>
const Kernel* find(const Kernel (&kernels)[kCount], const Tile& tile, DataType dtype) {
  const auto found = std::ranges::find_if(
      kernels, [&](const Kernel& kernel) { return kernel.tile == &tile && kernel.dtype == dtype; });
  return found == std::end(kernels) ? nullptr : found;
}

template <class Kernel, class Op>
const Kernel* find(std::span<const Kernel> kernels, Op op, DataType dtype,
                   const DeviceFigures& device) {
  for (const Kernel* kernel : kernels_for(kernels, dtype, device)) {
    if (kernel->op == op) return kernel;
  }
  return nullptr;
}

}  // namespace

std::span<const ConvKernel> conv_kernels() {
  return kConvKernels;
}
std::span<const ConvKernel> joined_kernels() {
  return kJoinedKernels;
}
std::span<const Sm90Kernel> sm90_kernels() {
  return kSm90Kernels;
}
std::span<const TailKernel> tail_kernels() {
  return kTailKernels;
}
std::span<const WholeKernel> whole_kernels() {
  return kWholeKernels;
}
std::span<const StemKernel> stem_kernels() {
  return kStemKernels;
}
std::span<const InvertedKernel> inverted_kernels() {
  return kInvertedKernels;
}
std::span<const PointwiseKernel> pointwise_kernels() {
  return kPointwiseKernels;
}
std::span<const LayerKernel> layer_kernels() {
  return kLayerKernels;
}

const ConvKernel* find_conv_kernel(std::string_view name) {
  const auto found = std::ranges::find(kConvKernels, name, &ConvKernel::name);
  return found == std::end(kConvKernels) ? nullptr : found;
}

const Sm90Kernel* find_sm90_kernel(std::string_view name) {
  const auto found = std::ranges::find(kSm90Kernels, name, &Sm90Kernel::name);
  return found == std::end(kSm90Kernels) ? nullptr : found;
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
const InvertedKernel* find_inverted_kernel(const InvertedTile& tile, DataType dtype) {
  return find(kInvertedKernels, tile, dtype);
}

const PointwiseKernel* find_pointwise_kernel(PointwiseOp op, DataType dtype,
                                             const DeviceFigures& device) {
  return find(pointwise_kernels(), op, dtype, device);
}
const LayerKernel* find_layer_kernel(LayerOp op, DataType dtype, const DeviceFigures& device) {
  return find(layer_kernels(), op, dtype, device);
}

Status check_capability(const DeviceFigures& figures) {
  int oldest = std::numeric_limits<int>::max();
  for (const ConvKernel& kernel : kConvKernels) oldest = std::min(oldest, kernel.arch.capability);
  if (figures.capability >= oldest) return {};
  return error(ErrorCode::device_too_old, "the GPU is too old for every compiled kernel",
               text("its compute capability is ", dotted(figures.capability)),
               text("use a GPU of compute capability ", dotted(oldest), " or later"));
}

Result<DeviceFigures> supported_figures(int device) {
  Result<DeviceFigures> figures = device_figures(device);
  if (!figures.ok()) return figures;
  if (Status status = check_capability(*figures); !status.ok()) return status;
  return figures;
}

}  // namespace host

const char* to_string(KernelFamily family) noexcept {
  switch (family) {
    case KernelFamily::conv:
      return "conv";
    case KernelFamily::joined:
      return "joined";
    case KernelFamily::tail:
      return "tail";
    case KernelFamily::whole:
      return "whole";
    case KernelFamily::stem:
      return "stem";
    case KernelFamily::inverted:
      return "inverted";
    case KernelFamily::depthwise:
      return "depthwise";
    case KernelFamily::direct:
      return "direct";
    case KernelFamily::pointwise:
      return "pointwise";
    case KernelFamily::layer:
      return "layer";
  }
  return "unknown";
}

std::span<const KernelInfo> kernel_list() noexcept {
  return host::kEveryKernel;
}

std::string_view direct_kernel(DataType dtype) noexcept {
  const auto found = std::ranges::find_if(host::kEveryKernel, [&](const KernelInfo& kernel) {
    return kernel.family == KernelFamily::direct && kernel.dtype == dtype;
  });
  return found == host::kEveryKernel.end() ? std::string_view() : found->name;
}

}  // namespace foldconv
