// SPDX-License-Identifier: MIT
// Random convolutions: what no one thought of. The same for a seed everywhere.
#pragma once

#include <initializer_list>
#include <random>

#include "foldconv/conv.hpp"
#include "harness/oracle/oracle.hpp"

namespace foldconv::kernel_tests {

class RandomProblems {
 public:
  explicit RandomProblems(unsigned seed) : engine_(seed), pitch_engine_(seed) {}

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
    problem.pitch = {pitch(problem.c), problem.residual ? pitch(problem.k) : 0, pitch(problem.k)};
    return problem;
  }

  // Of every second tensor none, else its channels, which need not fill 16 bytes, or up to 200 more.
  int pitch(int channels) {
    const auto draw = static_cast<unsigned>(pitch_engine_());
    if (draw % 2 == 0) return 0;
    return draw % 16 == 1 ? channels
                          : (channels + 7) / 8 * 8 + static_cast<int>(draw / 16 % 26) * 8;
  }

  std::mt19937 engine_;
  std::mt19937 pitch_engine_;  // of its own: problems are the same but for their pitches
};

}  // namespace foldconv::kernel_tests
