// The compiled kernels, as kernels.inc lists them.
#pragma once

#include <span>
#include <string_view>

#include "foldconv/tensor.hpp"
#include "tile/block_tail_tile.hpp"
#include "tile/bottleneck_tile.hpp"
#include "tile/conv_tile.hpp"

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

struct BottleneckKernel {
  const char* name;
  DataType dtype;
  int arch;
  EntryPoint entry;
  const BottleneckTile* tile;
};

struct BlockTailKernel {
  const char* name;
  DataType dtype;
  int arch;
  EntryPoint entry;
  const BlockTailTile* tile;
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
std::span<const BlockTailKernel> block_tail_kernels();
std::span<const BottleneckKernel> bottleneck_kernels();
std::span<const PointwiseKernel> pointwise_kernels();

// Null where there is none.
const ConvKernel* find_conv_kernel(std::string_view name);
const ConvKernel* find_joined_kernel(const ConvTile& tile, DataType dtype);
const BlockTailKernel* find_block_tail_kernel(const BlockTailTile& tile, DataType dtype);
const BottleneckKernel* find_bottleneck_kernel(const BottleneckTile& tile, DataType dtype);
const PointwiseKernel* find_pointwise_kernel(PointwiseOp op, DataType dtype);

// The smallest `arch` of all kernels.
int oldest_supported_arch();

}  // namespace foldconv::host
