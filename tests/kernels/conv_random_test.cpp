// SPDX-License-Identifier: MIT
// Random problems in the kernels that take them: what no one thought of. Deterministic; the
// environment variable FOLDCONV_RANDOM_PROBLEMS asks for more of them than the suite has time for.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <random>
#include <vector>

#include "kernels/support/catalog_kernels.hpp"
#include "kernels/support/test_conv.hpp"

namespace foldconv::kernel_tests {
namespace {

int number_of_problems() {
  const char* text = std::getenv("FOLDCONV_RANDOM_PROBLEMS");
  return text == nullptr ? 96 : std::max(1, std::atoi(text));
}

class RandomProblems {
 public:
  explicit RandomProblems(unsigned seed) : engine_(seed) {}

  // A valid problem for 16-bit types, of at most some millions of products.
  ConvProblem next() {
    for (;;) {
      const ConvProblem problem = draw();
      const Shape y = oracle::output_shape(problem);
      if (problem.h + problem.pad.top + problem.pad.bottom < span(problem.r, problem.dilation.h) ||
          problem.w + problem.pad.left + problem.pad.right < span(problem.s, problem.dilation.w)) {
        continue;
      }
      const double products =
          static_cast<double>(y.elements()) * problem.r * problem.s * problem.c / problem.groups;
      if (products < 2e7 && validate(problem).ok()) return problem;
    }
  }

  // The same, of fewer channels than a slice has.
  ConvProblem next_of_few_channels() {
    for (;;) {
      const ConvProblem problem = next();
      if (problem.c / problem.groups < 64) return problem;
    }
  }

  int integer(int low, int high) {  // both included; not std's distribution, which is not portable
    return low + static_cast<int>(engine_() % static_cast<unsigned>(high - low + 1));
  }

 private:
  static int span(int taps, int dilation) { return dilation * (taps - 1) + 1; }
  bool chance(int percent) { return integer(1, 100) <= percent; }
  int one_of(std::initializer_list<int> values) {
    return values.begin()[integer(0, static_cast<int>(values.size()) - 1)];
  }

  ConvProblem draw() {
    ConvProblem problem;
    problem.dtype = chance(50) ? DataType::f16 : DataType::bf16;
    problem.n = integer(1, 5);
    problem.h = integer(1, 24);
    problem.w = integer(1, 24);
    problem.groups = chance(25) ? integer(2, 4) : 1;
    const int c = chance(60) ? 8 * integer(1, 24) : integer(1, 140);
    problem.c = problem.groups * c;
    problem.k = problem.groups * (chance(60) ? 8 * integer(1, 24) : integer(1, 150));
    problem.r = one_of({1, 1, 1, 2, 3, 3, 3, 5, 7});
    problem.s = chance(70) ? problem.r : one_of({1, 2, 3, 7});
    problem.stride = {one_of({1, 1, 1, 2, 3}), one_of({1, 1, 1, 2, 3})};
    if (chance(20)) problem.dilation = {integer(1, 3), integer(1, 3)};
    const auto pad = [&](int taps) { return chance(70) ? taps / 2 : integer(-2, taps + 1); };
    problem.pad = {pad(problem.r), pad(problem.r), pad(problem.s), pad(problem.s)};
    problem.residual = chance(40);
    problem.activation = {static_cast<Activation::Kind>(integer(0, kActivationCount - 1)), 0.25f};
    return problem;
  }

  std::mt19937 engine_;
};

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
