// SPDX-License-Identifier: MIT
// The kernels of the catalog, and their names.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "catalog/registry.hpp"
#include "host/catalog/choosing.hpp"
#include "host/device_figures.hpp"

namespace foldconv {
namespace {

using test::has;
using test::kA100;

std::string tile_name(const ConvTile& tile) {
  const auto number = [](int value) { return std::to_string(value); };
  return number(tile.block_m) + "x" + number(tile.block_n) + "x" + number(ConvTile::kBlockK) +
         "_st" + number(tile.stages) + "_sm80";
}

TEST(Registry, NamesDecodeToTheirTiles) {
  for (const host::ConvKernel& kernel : host::conv_kernels()) {
    if (kernel.direct()) {
      EXPECT_EQ(std::string("direct_") + to_string(kernel.dtype) + "_sm80", kernel.name);
      continue;
    }
    EXPECT_EQ(host::find_conv_kernel(kernel.name), &kernel);
    if (kernel.depthwise != nullptr) {
      const std::string filter = std::to_string(kernel.depthwise->filter);
      EXPECT_EQ(std::string("depthwise_") + to_string(kernel.dtype) + "_" + filter + "x" + filter +
                    "_sm80",
                kernel.name);
      continue;
    }
    if (kernel.grouped != nullptr) {
      const GroupedTile& tile = *kernel.grouped;
      EXPECT_EQ(std::string("conv_grouped_") + to_string(kernel.dtype) + "_" +
                    std::to_string(tile.groups) + "x" + std::to_string(tile.fragments_n * 8) +
                    (tile.granule == 4 ? "_quads_sm80" : "_sm80"),
                kernel.name);
      continue;
    }
    if (kernel.tile == nullptr) continue;
    constexpr const char* kLoaders[] = {"1x1",     "rxs",  "narrow", "joined",
                                        "element", "rows", "gated",  "halo"};
    EXPECT_EQ(std::string("conv_") + kLoaders[static_cast<int>(kernel.loader)] + "_" +
                  to_string(kernel.dtype) + "_" + tile_name(*kernel.tile),
              kernel.name);
    EXPECT_NE(kernel.loader, ConvLoader::load_joined);
  }
  EXPECT_EQ(host::find_conv_kernel("conv"), nullptr);
}

TEST(Registry, NamesOfSm90KernelsDecodeToTheirTiles) {
  for (const host::Sm90Kernel& kernel : host::sm90_kernels()) {
    const Sm90Tile& tile = *kernel.tile;
    EXPECT_EQ(std::string("conv_wgmma_") + to_string(kernel.dtype) + "_" +
                  std::to_string(tile.block_m) + "x" + std::to_string(tile.block_n) + "x64_st" +
                  std::to_string(tile.stages) + "_sm90",
              kernel.name);
    EXPECT_EQ(host::find_sm90_kernel(kernel.name), &kernel);
    EXPECT_EQ(host::find_conv_kernel(kernel.name), nullptr);
    EXPECT_TRUE(kernel.arch.runs_on(90));
    EXPECT_FALSE(kernel.arch.runs_on(80));
    EXPECT_FALSE(kernel.arch.runs_on(100));
  }
  EXPECT_EQ(host::sm90_kernels().size(), 20u);
  EXPECT_EQ(host::find_sm90_kernel(""), nullptr);
}

TEST(Registry, NamesOfBlockKernelsDecodeToTheirTiles) {
  for (const host::ConvKernel& kernel : host::joined_kernels()) {
    EXPECT_EQ(std::string("conv_joined_") + to_string(kernel.dtype) + "_" + tile_name(*kernel.tile),
              kernel.name);
    EXPECT_EQ(host::find_joined_kernel(*kernel.tile, kernel.dtype), &kernel);
  }
  for (const host::TailKernel& kernel : host::tail_kernels()) {
    const ConvTile& tile = kernel.tile->conv2;
    EXPECT_EQ(std::string("block_tail_") + to_string(kernel.dtype) + "_" +
                  std::to_string(tile.block_m) + "x" + std::to_string(tile.block_n) + "_st" +
                  std::to_string(tile.stages) + "_sm80",
              kernel.name);
    EXPECT_EQ(host::find_tail_kernel(*kernel.tile, kernel.dtype), &kernel);
  }
  std::set<std::string> names;
  for (const host::WholeKernel& kernel : host::whole_kernels()) {
    EXPECT_TRUE(has(kernel.name, {"block_whole_", to_string(kernel.dtype), "x8_st", "_sm80"}));
    EXPECT_TRUE(names.insert(kernel.name).second) << kernel.name << " twice";
    EXPECT_EQ(host::find_whole_kernel(*kernel.tile, kernel.dtype), &kernel);
  }
  EXPECT_TRUE(names.contains("block_whole_f16_28x8_st3_resident_sm80"));
  EXPECT_TRUE(names.contains("block_whole_bf16_8x8_st2_projection_sm80"));
}

TEST(Registry, EveryPointwiseOperationForEveryDtype) {
  for (const auto op :
       {host::PointwiseOp::batch_norm, host::PointwiseOp::add, host::PointwiseOp::activate}) {
    for (const DataType dtype : {DataType::f16, DataType::bf16, DataType::f32}) {
      const host::PointwiseKernel* kernel = host::find_pointwise_kernel(op, dtype, kA100);
      ASSERT_NE(kernel, nullptr);
      EXPECT_EQ(kernel->op, op);
      EXPECT_NE(std::string(kernel->name).find(to_string(dtype)), std::string::npos);
    }
  }
}

TEST(Registry, EveryLayerOperationForEveryDtype) {
  for (const host::LayerKernel& kernel : host::layer_kernels()) {
    EXPECT_EQ(host::find_layer_kernel(kernel.op, kernel.dtype, kA100), &kernel);
    EXPECT_TRUE(has(kernel.name, {to_string(kernel.dtype), "_sm80"})) << kernel.name;
  }
  EXPECT_EQ(host::layer_kernels().size(), 36U);
}

}  // namespace
}  // namespace foldconv
