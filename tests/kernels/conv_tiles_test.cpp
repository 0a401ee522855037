// SPDX-License-Identifier: MIT
// Every tensor-core instance in catalog.inc, pinned, on every shape of its loader and around the
// edges of its tile.
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "kernels/support/catalog_kernels.hpp"
#include "kernels/support/shapes.hpp"
#include "kernels/support/test_conv.hpp"

namespace foldconv::kernel_tests {
namespace {

// A shape, and the kernels that it is computed by.
struct TileCase {
  std::vector<ConvKernel> kernels;
  std::string name;
  ConvProblem problem;
  std::size_t index;  // varies the activation
};

std::ostream& operator<<(std::ostream& out, const TileCase& tile_case) {
  return out << tile_case.name;
}

std::vector<TileCase> tile_cases() {
  std::map<std::pair<ConvLoader, DataType>, std::vector<ConvKernel>> families;
  for (const ConvKernel& kernel : kConvKernels) {
    families[{kernel.loader, kernel.dtype}].push_back(kernel);
  }
  std::vector<TileCase> cases;
  for (const auto& [family, kernels] : families) {
    std::size_t index = 0;
    for (const ShapeCase& shape : kShapesOf.at(family.first)) {
      std::string name = kernels.front().name;
      name =
          name.substr(0, name.find("_", name.find(to_string(family.second)))) + "__" + shape.name;
      cases.push_back({kernels, std::move(name), shape.problem, index++});
      cases.back().problem.dtype = family.second;
    }
  }
  return cases;
}

class ConvTiles : public testing::TestWithParam<TileCase> {};

// Exact allocations: the emulator faults on any access outside.
TEST_P(ConvTiles, IntegersAreExact) {
  constexpr Activation kExact[] = {Activation::none, Activation::relu, Activation::relu6,
                                   Activation::leaky_relu(0.25f)};
  const auto& [kernels, name, shape, index] = GetParam();
  ConvProblem problem = shape;
  problem.activation = kExact[index % std::size(kExact)];
  const TestConv test = make_conv(problem, {.conv_bias = index % 2 == 0, .integers = true});
  const oracle::Expected expected = test.expected();
  for (const ConvKernel& kernel : kernels) {
    SCOPED_TRACE(kernel.name);
    expect_exact(test, expected, run(test, {.kernel = kernel.name, .guards = Guards::none}));
  }
}

TEST_P(ConvTiles, RandomIsWithinTheBound) {
  const auto& [kernels, name, shape, index] = GetParam();
  ConvProblem problem = shape;
  problem.activation.kind = static_cast<Activation::Kind>(index % kActivationCount);
  const TestConv test = make_conv(problem, {.conv_bias = index % 2 == 1, .seed = 2});
  const oracle::Expected expected = test.expected();
  for (const ConvKernel& kernel : kernels) {
    SCOPED_TRACE(kernel.name);
    expect_within_bound(test, expected,
                        run(test, {.kernel = kernel.name, .in_place = index % 2 == 0}));
  }
}

INSTANTIATE_TEST_SUITE_P(, ConvTiles, testing::ValuesIn(tile_cases()),
                         [](const auto& tile_case) { return tile_case.param.name; });

// A filter of one row that keeps x's size.
void set_same_row(ConvProblem& problem, int taps) {
  problem.s = taps;
  problem.pad = {0, 0, (taps - 1) / 2, taps / 2};
}

class ConvTileEdges : public testing::TestWithParam<ConvKernel> {};

// The channels of one k block for a loader.
int block_channels(ConvLoader loader) {
  switch (loader) {
    case ConvLoader::load_1x1:
    case ConvLoader::load_joined:
    case ConvLoader::load_gated:
    case ConvLoader::load_rxs:
    case ConvLoader::load_halo:
      return 64;
    case ConvLoader::load_narrow:
      return 16;
    case ConvLoader::load_rows:
    case ConvLoader::load_element:
      break;
  }
  return 7;
}

TEST_P(ConvTileEdges, OutputOneBelowAtAndAboveTheTile) {
  const ConvKernel& kernel = GetParam();
  for (const int m : {kernel.tile->block_m - 1, kernel.tile->block_m, kernel.tile->block_m + 1}) {
    for (const int k : {kernel.tile->block_n - 1, kernel.tile->block_n, kernel.tile->block_n + 8}) {
      ConvProblem problem{.dtype = kernel.dtype,
                          .h = 1,
                          .w = m,
                          .c = block_channels(kernel.loader),
                          .k = k,
                          .activation = Activation::relu,
                          .residual = true};
      if (kernel.loader == ConvLoader::load_halo) set_same_row(problem, 3);
      const TestConv test = make_conv(problem, {.integers = true});
      expect_exact(test, run(test, {.kernel = kernel.name}));
    }
  }
}

// The pipeline with fewer k blocks than stages, just as many, and more.
TEST_P(ConvTileEdges, KBlocksAroundTheStages) {
  const ConvKernel& kernel = GetParam();
  for (int blocks = 1; blocks <= kernel.tile->stages + 2; ++blocks) {
    ConvProblem problem{.dtype = kernel.dtype, .n = 2, .h = 3, .w = 12, .k = 24};
    switch (kernel.loader) {
      case ConvLoader::load_1x1:
      case ConvLoader::load_joined:
      case ConvLoader::load_gated:
        problem.c = blocks * kSliceWidth - 8;
        break;
      case ConvLoader::load_rxs:
        problem.c = kSliceWidth;
        problem.s = blocks;
        break;
      case ConvLoader::load_halo:
        // Not fewer taps than stages are filled ahead; fewer of the last slices do.
        problem.c = kSliceWidth;
        if (blocks < kernel.tile->stages - 1) continue;
        set_same_row(problem, blocks);
        break;
      case ConvLoader::load_narrow:
        problem.c = 56;
        problem.s = blocks;
        break;
      case ConvLoader::load_rows:
      case ConvLoader::load_element:
        problem.c = 63;
        problem.s = blocks;
        break;
    }
    EXPECT_EQ(WeightLayout(problem.c, problem.s).row() / kSliceWidth, blocks);
    const TestConv test = make_conv(problem, {.integers = true, .seed = 3});
    expect_exact(test, run(test, {.kernel = kernel.name}));
  }
}

INSTANTIATE_TEST_SUITE_P(, ConvTileEdges, testing::ValuesIn(kConvKernels), kKernelName);

}  // namespace
}  // namespace foldconv::kernel_tests
