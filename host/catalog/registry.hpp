// The compiled kernels, as catalog.inc lists them.
#pragma once

#include <span>
#include <string_view>

#include "foldconv/tensor.hpp"
#include "tile/conv_tile.hpp"
#include "tile/tail_tile.hpp"
#include "tile/whole_tile.hpp"

namespace foldconv::host {

// An address that cudaLaunchKernel takes.
using EntryPoint = const void* (*)();

struct ConvKernel {
  const char* name;
  DataType dtype;
  int arch;  // compute capability times 10: the oldest device it runs on
  EntryPoint entry;
  ConvLoader loader;     // tensor-core kernels only
  const ConvTile* tile;  // null: the direct kernel

  bool direct() const { return tile == nullptr; }
};

struct WholeKernel {
  const char* name;
  DataType dtype;
  int arch;
  EntryPoint entry;
  const WholeTile* tile;
};

struct TailKernel {
  const char* name;
  DataType dtype;
  int arch;
  EntryPoint entry;
  const TailTile* tile;
};

enum class PointwiseOp { batch_norm, add, activate };

struct PointwiseKernel {
  const char* name;
  DataType dtype;
  int arch;
  EntryPoint entry;
  PointwiseOp op;
};

std::span<const ConvKernel> conv_kernels();
std::span<const ConvKernel> joined_kernels();  // convolutions of two tensors
std::span<const TailKernel> tail_kernels();
std::span<const WholeKernel> whole_kernels();
std::span<const PointwiseKernel> pointwise_kernels();

// Null where there is none.
const ConvKernel* find_conv_kernel(std::string_view name);
const ConvKernel* find_joined_kernel(const ConvTile& tile, DataType dtype);
const TailKernel* find_tail_kernel(const TailTile& tile, DataType dtype);
const WholeKernel* find_whole_kernel(const WholeTile& tile, DataType dtype);
const PointwiseKernel* find_pointwise_kernel(PointwiseOp op, DataType dtype);

// The smallest `arch` of all kernels.
int oldest_supported_arch();

}  // namespace foldconv::host
