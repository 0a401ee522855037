// SPDX-License-Identifier: MIT
// Random problems in the kernels that take them: what no one thought of. Deterministic; the
// environment variable FOLDCONV_RANDOM_PROBLEMS asks for more of them than the suite has time for.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "kernels/support/catalog_kernels.hpp"
#include "kernels/support/random_problems.hpp"
#include "kernels/support/test_conv.hpp"

namespace foldconv::kernel_tests {
namespace {

int number_of_problems() {
  const char* text = std::getenv("FOLDCONV_RANDOM_PROBLEMS");
  return text == nullptr ? 96 : std::max(1, std::atoi(text));
}

class ConvRandom : public testing::TestWithParam<int> {};

TEST_P(ConvRandom, WithinTheBoundInAKernelThatTakesIt) {
  const auto seed = static_cast<unsigned>(GetParam());
  RandomProblems problems(seed);
  const ConvProblem problem = problems.next();
  const TestConv test = make_conv(problem, {.conv_bias = seed % 2 == 0, .seed = seed});
  std::vector<std::string_view> kernels;
  for (const ConvKernel& kernel : kConvKernels) {
    if (kernel.dtype == problem.dtype && takes(test, kernel.name)) kernels.push_back(kernel.name);
  }
  const std::string_view kernel = kernels.empty()
                                      ? std::string_view()
                                      : kernels[static_cast<std::size_t>(problems.integer(
                                            0, static_cast<int>(kernels.size()) - 1))];
  SCOPED_TRACE(kernel);
  const Guards guards = seed % 3 == 0 ? Guards::none : Guards::shifted;
  expect_within_bound(test,
                      run(test, {.kernel = kernel, .guards = guards, .in_place = seed % 5 == 0}));
}

INSTANTIATE_TEST_SUITE_P(, ConvRandom, testing::Range(1, number_of_problems() + 1));

// Few channels, for which loaders differ most, from exactly allocated tensors.
class ConvRandomFewChannels : public testing::TestWithParam<int> {};

TEST_P(ConvRandomFewChannels, SameBitsFromEveryLoader) {
  const auto seed = static_cast<unsigned>(GetParam());
  const ConvProblem problem = RandomProblems(seed + 100'000).next_of_few_channels();
  const TestConv test = make_conv(problem, {.seed = seed});
  std::vector<std::byte> first;
  for (const ConvKernel& kernel : kConvKernels) {
    if (kernel.dtype != problem.dtype || !takes(test, kernel.name)) continue;
    const auto got = run_bytes(test, {.kernel = kernel.name, .guards = Guards::none});
    if (first.empty()) first = got;
    EXPECT_TRUE(got == first) << kernel.name << " differs on " << to_string(problem);
  }
}

INSTANTIATE_TEST_SUITE_P(, ConvRandomFewChannels, testing::Range(1, number_of_problems() / 4 + 1));

}  // namespace
}  // namespace foldconv::kernel_tests
