// SPDX-License-Identifier: MIT
// Random problems in conv_sm90, others for each kernel: what no one thought of. Deterministic.
#include <gtest/gtest.h>

#include <string>

#include "catalog/family.hpp"
#include "kernels/sm90/hand_launch.hpp"
#include "kernels/support/random_problems.hpp"

namespace foldconv::kernel_tests {
namespace {

// Of what the sm_90 kernels take.
ConvProblem next_taken(RandomProblems& problems, DataType dtype) {
  for (;;) {
    ConvProblem problem = problems.next();
    problem.dtype = dtype;
    if (host::sm90_rule(problem).empty()) return problem;
  }
}

class Sm90RandomConvs : public testing::TestWithParam<Sm90Kernel> {};

TEST_P(Sm90RandomConvs, WithinTheBound) {
  if (!has_wgmma()) GTEST_SKIP() << "no device of compute capability 9.0";
  unsigned int seed = 0;
  for (const char c : std::string(GetParam().name))
    seed = seed * 31 + static_cast<unsigned char>(c);
  RandomProblems problems(seed);
  constexpr Multicast kWays[] = {Multicast::none, Multicast::weights, Multicast::pixels};
  for (int i = 0; i < 3; ++i) {
    const ConvProblem problem = next_taken(problems, GetParam().dtype);
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
