// SPDX-License-Identifier: MIT
// Random problems in conv_sm90, others for each kernel: what no one thought of. Deterministic.
#include <gtest/gtest.h>

#include <cstddef>
#include <initializer_list>
#include <random>
#include <string>

#include "kernels/sm90/hand_launch.hpp"

namespace foldconv::kernel_tests {
namespace {

class RandomSm90Problems {
 public:
  explicit RandomSm90Problems(unsigned int seed) : engine_(seed) {}

  int integer(int low, int high) {  // both included; not std's distribution, which is not portable
    return low + static_cast<int>(engine_() % static_cast<unsigned int>(high - low + 1));
  }

  // Valid, within the rule of the family, of few products.
  ConvProblem next(DataType dtype) {
    for (;;) {
      const ConvProblem problem = draw(dtype);
      if (!validate(problem).ok()) continue;
      const double products = static_cast<double>(oracle::output_shape(problem).elements()) *
                              problem.r * problem.s * problem.c / problem.groups;
      if (products < 1.2e7) return problem;
    }
  }

 private:
  int one_of(std::initializer_list<int> values) {
    return values.begin()[integer(0, static_cast<int>(values.size()) - 1)];
  }

  ConvProblem draw(DataType dtype) {
    ConvProblem p;
    p.dtype = dtype;
    p.n = integer(1, 5);
    p.h = integer(1, 23);
    p.w = integer(1, 23);
    p.groups = one_of({1, 1, 1, 2, 3});
    p.c = p.groups == 1 ? 8 * integer(8, 27) : 64 * p.groups * integer(1, 2);
    p.k = 8 * integer(1, 36) * p.groups;
    p.r = integer(1, 4);
    p.s = integer(1, 4);
    p.stride = {one_of({1, 1, 2, 3, 8}), one_of({1, 1, 2, 5})};
    p.dilation = {one_of({1, 1, 2, 4}), one_of({1, 1, 3})};
    p.pad = {integer(-1, 4), integer(-1, 4), integer(-1, 4), integer(-1, 4)};
    p.residual = integer(0, 1) == 1;
    p.activation = one_of({0, 1}) == 0 ? Activation::relu : Activation::silu;
    return p;
  }

  std::mt19937 engine_;
};

class Sm90RandomConvs : public testing::TestWithParam<Sm90Kernel> {};

TEST_P(Sm90RandomConvs, WithinTheBound) {
  if (!has_wgmma()) GTEST_SKIP() << "no device of compute capability 9.0";
  unsigned int seed = 0;
  for (const char c : std::string(GetParam().name))
    seed = seed * 31 + static_cast<unsigned char>(c);
  RandomSm90Problems problems(seed);
  constexpr Multicast kWays[] = {Multicast::none, Multicast::weights, Multicast::pixels};
  for (int i = 0; i < 3; ++i) {
    const ConvProblem problem = problems.next(GetParam().dtype);
    SCOPED_TRACE(to_string(problem));
    const Sm90Conv conv(problem, false);
    const Multicast way =
        GetParam().tile.may_multicast() ? kWays[problems.integer(0, 2)] : Multicast::none;
    const auto compared = oracle::compare(
        conv.run(GetParam(), {.multicast = way, .most_clusters = problems.integer(1, 9)}),
        oracle::conv(problem, conv.inputs()));
    EXPECT_TRUE(compared.pass) << compared.to_string();
  }
}

INSTANTIATE_TEST_SUITE_P(, Sm90RandomConvs, testing::ValuesIn(sm90_kernels()),
                         [](const auto& kernel) { return kernel.param.name; });

}  // namespace
}  // namespace foldconv::kernel_tests
