// SPDX-License-Identifier: MIT
// The kernels of the catalog, and their names.
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "catalog/registry.hpp"
#include "foldconv/kernel_list.hpp"
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
  for (const host::WholeKernel& kernel : host::whole_kernels()) {
    const WholeTile& tile = *kernel.tile;
    EXPECT_EQ(std::string("block_whole_") + to_string(kernel.dtype) + "_" +
                  std::to_string(tile.tile_h) + "x8_st" + std::to_string(tile.stages) +
                  (tile.resident ? "_resident" : "") + (tile.projection ? "_projection" : "") +
                  "_sm80",
              kernel.name);
    EXPECT_EQ(host::find_whole_kernel(*kernel.tile, kernel.dtype), &kernel);
  }
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
  for (int op = 0; op <= static_cast<int>(host::LayerOp::preprocess); ++op) {
    for (const DataType dtype : {DataType::f16, DataType::bf16, DataType::f32}) {
      const auto* kernel = host::find_layer_kernel(static_cast<host::LayerOp>(op), dtype, kA100);
      EXPECT_NE(kernel, nullptr) << "operation " << op << " in " << to_string(dtype);
    }
  }
}

// Two tiles that differ in warps or CTAs an SM alone would: one of them could not be pinned.
TEST(Registry, NoTwoKernelsShareAName) {
  std::set<std::string_view> names;
  for (const KernelInfo& kernel : kernel_list())
    EXPECT_TRUE(names.insert(kernel.name).second) << kernel.name << " twice";
}

// A line's kernels are f16 and bf16, and f32 where no tensor core computes.
TEST(Registry, EveryLineOfTheCatalogIsAKernelOfEachOfItsTypes) {
  const std::map<std::string, std::pair<KernelFamily, std::size_t>> forms = {
      {"CONV", {KernelFamily::conv, 2}},           {"SM90", {KernelFamily::conv, 2}},
      {"GROUPED", {KernelFamily::conv, 2}},        {"JOINED", {KernelFamily::joined, 2}},
      {"TAIL", {KernelFamily::tail, 2}},           {"WHOLE", {KernelFamily::whole, 2}},
      {"STEM", {KernelFamily::stem, 2}},           {"INVERTED", {KernelFamily::inverted, 2}},
      {"DEPTHWISE", {KernelFamily::depthwise, 3}}, {"DIRECT", {KernelFamily::direct, 3}},
      {"POINTWISE", {KernelFamily::pointwise, 3}}, {"LAYER", {KernelFamily::layer, 3}}};
  std::map<KernelFamily, std::size_t> listed, wanted;
  for (const KernelInfo& kernel : kernel_list()) ++listed[kernel.family];
  std::ifstream catalog(FOLDCONV_CATALOG);
  for (std::string line; std::getline(catalog, line);) {
    const std::string form = line.substr(0, line.find('('));
    if (form.size() == line.size() || form.find_first_of(" /#") != std::string::npos) continue;
    const auto known = forms.find(form);
    ASSERT_NE(known, forms.end()) << "a form of line that this test does not know: " << line;
    wanted[known->second.first] += known->second.second;
  }
  EXPECT_EQ(listed, wanted);
}

}  // namespace
}  // namespace foldconv
