// SPDX-License-Identifier: MIT
// The compiled kernels, as catalog.inc lists them.
#pragma once

#include <algorithm>
#include <span>
#include <string_view>
#include <vector>

#include "base/device.hpp"
#include "catalog/arch.hpp"
#include "foldconv/tensor.hpp"
#include "tile/conv_tile.hpp"
#include "tile/depthwise_tile.hpp"
#include "tile/grouped_tile.hpp"
#include "tile/inverted_tile.hpp"
#include "tile/sm90_tile.hpp"
#include "tile/stem_tile.hpp"
#include "tile/tail_tile.hpp"
#include "tile/whole_tile.hpp"

namespace foldconv::host {

// An address that cudaLaunchKernel takes.
using EntryPoint = const void* (*)();

struct ConvKernel {
  const char* name;
  DataType dtype;
  Arch arch;
  EntryPoint entry;
  ConvLoader loader;             // tensor-core kernels only
  const ConvTile* tile;          // null: a kernel with another kind of tile, or the direct one
  const char* reason = nullptr;  // what its tile is for
  const DepthwiseTile* depthwise = nullptr;
  const GroupedTile* grouped = nullptr;

  // The kernel that takes every problem.
  constexpr bool direct() const {
    return tile == nullptr && depthwise == nullptr && grouped == nullptr;
  }
};

// By wgmma and tensor copies: the sm_90 family.
struct Sm90Kernel {
  const char* name;
  DataType dtype;
  Arch arch;
  EntryPoint entry;
  const Sm90Tile* tile;
  const char* reason;  // what its tile is for
};

struct WholeKernel {
  const char* name;
  DataType dtype;
  Arch arch;
  EntryPoint entry;
  const WholeTile* tile;
};

struct InvertedKernel {
  const char* name;
  DataType dtype;
  Arch arch;
  EntryPoint entry;
  const InvertedTile* tile;
};

struct TailKernel {
  const char* name;
  DataType dtype;
  Arch arch;
  EntryPoint entry;
  const TailTile* tile;
};

struct StemKernel {
  const char* name;
  DataType dtype;
  Arch arch;
  EntryPoint entry;
  const StemTile* tile;
};

enum class PointwiseOp { batch_norm, add, activate };

struct PointwiseKernel {
  const char* name;
  DataType dtype;
  Arch arch;
  EntryPoint entry;
  PointwiseOp op;
};

// What layers of networks that are no convolution do; copy, transpose and preprocess are named by the type that they make.
enum class LayerOp {
  max_pool,
  average_pool,
  global_max_pool,
  global_average_pool,
  gate,
  softmax,
  lrn,
  binary,
  affine,
  copy,
  transpose,
  preprocess,
};

struct LayerKernel {
  const char* name;
  DataType dtype;
  Arch arch;
  EntryPoint entry;
  LayerOp op;
};

// In the order of the catalog.
std::span<const ConvKernel> conv_kernels();
std::span<const ConvKernel> joined_kernels();  // convolutions of two tensors
std::span<const Sm90Kernel> sm90_kernels();
std::span<const TailKernel> tail_kernels();
std::span<const WholeKernel> whole_kernels();
std::span<const StemKernel> stem_kernels();
std::span<const InvertedKernel> inverted_kernels();
std::span<const PointwiseKernel> pointwise_kernels();
std::span<const LayerKernel> layer_kernels();

// The kernels of a data type in the order in which they are listed: the newest architecture first,
// then the catalog's order. Those that do not run on the device are among them.
template <class Kernel>
std::vector<const Kernel*> in_order(std::span<const Kernel> kernels, DataType dtype) {
  std::vector<const Kernel*> order;
  for (const Kernel& kernel : kernels) {
    if (kernel.dtype == dtype) order.push_back(&kernel);
  }
  std::ranges::stable_sort(order, [](const Kernel* a, const Kernel* b) {
    return a->arch.capability > b->arch.capability;
  });
  return order;
}

// The same, only those that run on a device.
template <class Kernel>
std::vector<const Kernel*> kernels_for(std::span<const Kernel> kernels, DataType dtype,
                                       const DeviceFigures& device) {
  std::vector<const Kernel*> order = in_order(kernels, dtype);
  std::erase_if(order, [&](const Kernel* k) { return !k->arch.runs_on(device.capability); });
  return order;
}

// Null where there is none.
const ConvKernel* find_conv_kernel(std::string_view name);
const Sm90Kernel* find_sm90_kernel(std::string_view name);
const ConvKernel* find_joined_kernel(const ConvTile& tile, DataType dtype);
const TailKernel* find_tail_kernel(const TailTile& tile, DataType dtype);
const WholeKernel* find_whole_kernel(const WholeTile& tile, DataType dtype);
const InvertedKernel* find_inverted_kernel(const InvertedTile& tile, DataType dtype);
const PointwiseKernel* find_pointwise_kernel(PointwiseOp op, DataType dtype,
                                             const DeviceFigures& device);
const LayerKernel* find_layer_kernel(LayerOp op, DataType dtype, const DeviceFigures& device);

// device_too_old below the architecture of every kernel.
Status check_capability(const DeviceFigures& figures);

// Figures of a device that passes check_capability().
Result<DeviceFigures> supported_figures(int device);

}  // namespace foldconv::host
