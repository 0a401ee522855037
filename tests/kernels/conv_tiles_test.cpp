// SPDX-License-Identifier: MIT
// Every tensor-core instance in catalog.inc, pinned, on every shape of its loader and around the
// edges of its tile.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "kernels/support/kernel_list.hpp"
#include "kernels/support/shapes.hpp"
#include "kernels/support/test_conv.hpp"

namespace foldconv::kernel_tests {
namespace {

struct TileCase {
  ConvKernel kernel;
  ShapeCase shape;
  int index;  // varies the activation
};

std::ostream& operator<<(std::ostream& out, const TileCase& tile_case) {
  return out << tile_case.kernel << " " << tile_case.shape.name;
}

std::vector<TileCase> tile_cases() {
  std::vector<TileCase> cases;
  for (const ConvKernel& kernel : kConvKernels) {
    int index = 0;
    for (const ShapeCase& shape : shapes_of(kernel.loader)) {
      cases.push_back({kernel, shape, index++});
      cases.back().shape.problem.dtype = kernel.dtype;
    }
  }
  return cases;
}

class ConvTiles : public testing::TestWithParam<TileCase> {};

// Exact allocations: the emulator faults on any access outside.
TEST_P(ConvTiles, IntegersAreExact) {
  constexpr Activation kExact[] = {Activation::none, Activation::relu, Activation::relu6,
                                   Activation::leaky_relu(0.25f)};
  const TileCase& tile_case = GetParam();
  ConvProblem problem = tile_case.shape.problem;
  problem.activation = kExact[static_cast<std::size_t>(tile_case.index) % std::size(kExact)];
  const TestConv test =
      make_conv(problem, {.conv_bias = tile_case.index % 2 == 0, .integers = true});
  expect_exact(test, run(test, {.kernel = tile_case.kernel.name, .guards = Guards::none}));
}

TEST_P(ConvTiles, RandomIsWithinTheBound) {
  const TileCase& tile_case = GetParam();
  ConvProblem problem = tile_case.shape.problem;
  problem.activation.kind = static_cast<Activation::Kind>(tile_case.index % kActivationCount);
  const TestConv test = make_conv(problem, {.conv_bias = tile_case.index % 2 == 1, .seed = 2});
  const RunOptions options{.kernel = tile_case.kernel.name, .in_place = tile_case.index % 2 == 0};
  expect_within_bound(test, run(test, options));
}

INSTANTIATE_TEST_SUITE_P(, ConvTiles, testing::ValuesIn(tile_cases()), [](const auto& tile_case) {
  return std::string(tile_case.param.kernel.name) + "__" + tile_case.param.shape.name;
});

class ConvTileEdges : public testing::TestWithParam<ConvKernel> {};

// The channels of one k block for a loader.
int block_channels(ConvLoader loader) {
  switch (loader) {
    case ConvLoader::load_1x1:
    case ConvLoader::load_joined:
    case ConvLoader::load_rxs:
      return 64;
    case ConvLoader::load_narrow:
      return 16;
    case ConvLoader::load_element:
      break;
  }
  return 7;
}

TEST_P(ConvTileEdges, OutputOneBelowAtAndAboveTheTile) {
  const ConvKernel& kernel = GetParam();
  for (const int m : {kernel.tile.block_m - 1, kernel.tile.block_m, kernel.tile.block_m + 1}) {
    for (const int k : {kernel.tile.block_n - 1, kernel.tile.block_n, kernel.tile.block_n + 8}) {
      const ConvProblem problem{.dtype = kernel.dtype,
                                .h = 1,
                                .w = m,
                                .c = block_channels(kernel.loader),
                                .k = k,
                                .activation = Activation::relu,
                                .residual = true};
      const TestConv test = make_conv(problem, {.integers = true});
      expect_exact(test, run(test, {.kernel = kernel.name}));
    }
  }
}

// The pipeline with fewer k blocks than stages, just as many, and more.
TEST_P(ConvTileEdges, KBlocksAroundTheStages) {
  const ConvKernel& kernel = GetParam();
  for (int blocks = 1; blocks <= kernel.tile.stages + 2; ++blocks) {
    ConvProblem problem{.dtype = kernel.dtype, .n = 2, .h = 3, .w = 9, .k = 24};
    switch (kernel.loader) {
      case ConvLoader::load_1x1:
      case ConvLoader::load_joined:
        problem.c = blocks * kSliceWidth - 8;
        break;
      case ConvLoader::load_rxs:
        problem.c = kSliceWidth;
        problem.s = blocks;
        break;
      case ConvLoader::load_narrow:
        problem.c = 56;
        problem.s = blocks;
        break;
      case ConvLoader::load_element:
        problem.c = 63;
        problem.s = blocks;
        break;
    }
    EXPECT_EQ(k_blocks(problem), blocks);
    const TestConv test = make_conv(problem, {.integers = true, .seed = 3});
    expect_exact(test, run(test, {.kernel = kernel.name}));
  }
}

INSTANTIATE_TEST_SUITE_P(, ConvTileEdges, testing::ValuesIn(kConvKernels), kKernelName);

}  // namespace
}  // namespace foldconv::kernel_tests
