// SPDX-License-Identifier: MIT
// What follows the sum, in the tensor-core and the direct kernels: scale, bias, residual,
// activation, NaN and overflow.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "kernels/support/catalog_kernels.hpp"
#include "kernels/support/test_conv.hpp"

namespace foldconv::kernel_tests {
namespace {

// One problem that the kernels named here take: a 3x3 for the taps loader, 1x1 for unit, ...
struct EpilogueKernel {
  std::string_view name;
  DataType dtype;
  int c, r, k;
};

std::ostream& operator<<(std::ostream& out, const EpilogueKernel& kernel) {
  return out << kernel.name;
}

// Every kernel of catalog.inc; channels that no 16-byte piece ends at every other time.
std::vector<EpilogueKernel> all_kernels() {
  std::vector<EpilogueKernel> kernels;
  for (const ConvKernel& kernel : kConvKernels) {
    const int k = kernels.size() % 2 == 0 ? 72 : 21;
    switch (kernel.loader) {
      case ConvLoader::load_1x1:
        kernels.push_back({kernel.name, kernel.dtype, 72, 1, k});
        break;
      case ConvLoader::load_rxs:
      case ConvLoader::load_halo:
        kernels.push_back({kernel.name, kernel.dtype, 72, 3, k});
        break;
      case ConvLoader::load_narrow:
        kernels.push_back({kernel.name, kernel.dtype, 24, 3, k});
        break;
      case ConvLoader::load_rows:
      case ConvLoader::load_element:
        kernels.push_back({kernel.name, kernel.dtype, 13, 3, k});
        break;
      case ConvLoader::load_joined:  // no convolution of one tensor: the blocks' tests run it
      case ConvLoader::load_gated:   // gated_test.cpp
        break;
    }
  }
  for (const ConvKernel& kernel : kDirectKernels) {
    kernels.push_back({kernel.name, kernel.dtype, 13, 3, 21});
  }
  return kernels;
}

std::vector<EpilogueKernel> kernels_of(DataType dtype) {
  std::vector<EpilogueKernel> kernels = all_kernels();
  std::erase_if(kernels, [&](const EpilogueKernel& kernel) { return kernel.dtype != dtype; });
  return kernels;
}

ConvProblem problem_for(const EpilogueKernel& kernel) {
  const int pad = kernel.r / 2;
  return {.dtype = kernel.dtype,
          .n = 2,
          .h = 7,
          .w = 6,
          .c = kernel.c,
          .k = kernel.k,
          .r = kernel.r,
          .s = kernel.r,
          .pad = {pad, pad, pad, pad}};
}

class ConvEpilogue : public testing::TestWithParam<EpilogueKernel> {
 protected:
  const EpilogueKernel& kernel() const { return GetParam(); }
};

// Inputs three times as large as usual reach the flat ends of the activations.
TEST_P(ConvEpilogue, EveryActivation) {
  for (int i = 0; i < kActivationCount; ++i) {
    ConvProblem problem = problem_for(kernel());
    problem.activation = {static_cast<Activation::Kind>(i), 0.2f};
    problem.residual = i % 2 == 1;
    oracle::RawConv raw = oracle::make_raw(problem, {.seed = 11});
    for (float& gamma : raw.gamma) gamma *= 3;
    const TestConv test = make_conv(problem, raw);
    expect_within_bound(test, run(test, {.kernel = kernel().name}));
  }
}

// Outside [0, 1] leaky_relu is no maximum of v and alpha * v.
TEST_P(ConvEpilogue, SlopesOutsideZeroToOne) {
  for (const float alpha : {-0.5f, 1.5f}) {
    ConvProblem problem = problem_for(kernel());
    problem.activation = Activation::leaky_relu(alpha);
    const TestConv test = make_conv(problem, {.seed = 12});
    expect_within_bound(test, run(test, {.kernel = kernel().name}));
  }
}

TEST_P(ConvEpilogue, BiasWithAndWithoutBatchNormInBothPlacements) {
  for (const bool batch_norm : {false, true}) {
    for (const bool conv_bias : {false, true}) {
      for (const auto placement : {ScalePlacement::weights, ScalePlacement::epilogue}) {
        const ConvProblem problem = problem_for(kernel());
        const oracle::RawOptions data{.batch_norm = batch_norm, .conv_bias = conv_bias, .seed = 4};
        const TestConv test = make_conv(problem, data, placement);
        expect_within_bound(test, run(test, {.kernel = kernel().name}));
      }
    }
  }
}

TEST_P(ConvEpilogue, ResidualInPlaceGivesTheSameBits) {
  ConvProblem problem = problem_for(kernel());
  problem.residual = true;
  problem.activation = Activation::relu;
  const TestConv test = make_conv(problem, {.seed = 5});
  const std::vector<std::byte> separate = run_bytes(test, {.kernel = kernel().name});
  EXPECT_TRUE(run_bytes(test, {.kernel = kernel().name, .in_place = true}) == separate);
  EXPECT_TRUE(run_bytes(test, {.kernel = kernel().name}) == separate) << "another run, other bits";
  expect_within_bound(test, oracle::decode(problem.dtype, separate));
}

// A NaN reaches exactly the outputs whose window covers it, through every activation. Zero weights
// beyond the last channel do not multiply it into others.
TEST_P(ConvEpilogue, NanReachesItsWindowAndNothingElse) {
  for (int i = 0; i < kActivationCount; ++i) {
    ConvProblem problem = problem_for(kernel());
    problem.activation.kind = static_cast<Activation::Kind>(i);
    TestConv test = make_conv(problem, {.seed = 6});
    const std::size_t pixel = 1 * 7 * 6 + 2 * 6 + 3;
    test.inputs.x[pixel * static_cast<std::size_t>(problem.c)] =
        std::numeric_limits<float>::quiet_NaN();
    const std::vector<float> got = run(test, {.kernel = kernel().name});
    std::size_t nans = 0;
    for (const float y : got) nans += std::isnan(y) ? 1 : 0;
    EXPECT_EQ(nans, static_cast<std::size_t>(problem.r * problem.s * problem.k))
        << to_string(problem);
    expect_within_bound(test, got);
  }
}

TEST_P(ConvEpilogue, InfinityReachesItsWindowAndNothingElse) {
  const ConvProblem problem = problem_for(kernel());
  const TestConv finite = make_conv(problem, {.integers = true, .seed = 7});
  // The last element of x, and a pixel's first: a window's corner, too.
  const std::size_t pixel = 1 * 7 * 6 + 2 * 6 + 3;
  for (const std::size_t element :
       {finite.inputs.x.size() - 1, pixel * static_cast<std::size_t>(problem.c)}) {
    TestConv test = finite;
    test.inputs.x[element] = std::numeric_limits<float>::infinity();
    expect_within_bound(test, run(test, {.kernel = kernel().name}));
  }
}

TEST_P(ConvEpilogue, NanInTheResidualSurvivesRelu) {
  ConvProblem problem = problem_for(kernel());
  problem.residual = true;
  problem.activation = Activation::relu;
  TestConv test = make_conv(problem, {.seed = 8});
  test.inputs.residual[17] = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> got = run(test, {.kernel = kernel().name});
  EXPECT_TRUE(std::isnan(got[17]));
  expect_within_bound(test, got);
}

TEST_P(ConvEpilogue, OverflowIsInfinite) {
  const ConvProblem problem = problem_for(kernel());
  oracle::RawConv raw = oracle::make_raw(problem, {.seed = 9});
  // Outputs beyond about 8 overflow.
  for (float& x : raw.x) x *= 8;
  const float scale = problem.dtype == DataType::f16 ? 0x1p13f : 0x1p125f;
  for (float& gamma : raw.gamma) gamma *= scale;
  const TestConv test = make_conv(problem, raw, ScalePlacement::epilogue);
  const std::vector<float> got = run(test, {.kernel = kernel().name});
  std::size_t infinite = 0;
  for (const float y : got) infinite += std::isinf(y) ? 1 : 0;
  EXPECT_GT(infinite, 0u);
  EXPECT_LT(infinite, got.size());
  expect_within_bound(test, got);
}

// gamma 0: the channel is the constant beta.
TEST_P(ConvEpilogue, ZeroGammaLeavesBeta) {
  const ConvProblem problem = problem_for(kernel());
  oracle::RawConv raw = oracle::make_raw(problem, {.integers = true, .seed = 10});
  for (float& gamma : raw.gamma) gamma = 0;
  const TestConv test = make_conv(problem, raw);
  const std::vector<float> got = run(test, {.kernel = kernel().name});
  for (std::size_t i = 0; i < got.size(); ++i) {
    ASSERT_EQ(got[i], raw.beta[i % raw.beta.size()]) << "element " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(, ConvEpilogue, testing::ValuesIn(all_kernels()), kKernelName);

// fp16's subnormals are read and written, not flushed. (Those of other types are subnormal in fp32
// too.)
class ConvEpilogueF16 : public ConvEpilogue {};

TEST_P(ConvEpilogueF16, SubnormalInputsAndOutputs) {
  const ConvProblem problem = problem_for(kernel());
  constexpr float kSmallest = 0x1p-24f;
  const oracle::RawConv integers =
      oracle::make_raw(problem, {.batch_norm = false, .integers = true, .seed = 12});
  oracle::RawConv inputs = integers;
  for (float& x : inputs.x) x *= kSmallest;
  const TestConv test = make_conv(problem, inputs);
  const std::vector<float> got = run(test, {.kernel = kernel().name});
  expect_exact(test, got);
  std::size_t subnormal = 0;
  for (const float y : got) subnormal += y != 0 && std::fabs(y) < 0x1p-14f ? 1 : 0;
  EXPECT_GT(subnormal, got.size() / 2);
}

INSTANTIATE_TEST_SUITE_P(, ConvEpilogueF16, testing::ValuesIn(kernels_of(DataType::f16)),
                         kKernelName);

}  // namespace
}  // namespace foldconv::kernel_tests
