// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <cstddef>

#include "harness/oracle/oracle.hpp"

namespace foldconv::oracle {
namespace {

// splitmix64 (Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", 2014): the same
// numbers on every platform, which the standard library's distributions do not promise.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15u) {}

  std::uint64_t bits() {
    state_ += 0x9e3779b97f4a7c15u;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  // In [low, high).
  double uniform(double low, double high) {
    return low + (high - low) * static_cast<double>(bits() >> 11) * 0x1p-53;
  }
  // Mean 0, standard deviation 1, within 3.5: the sum of four uniform numbers.
  double normal() {
    const std::uint64_t b = bits();
    const std::uint64_t sum = (b & 0xffff) + (b >> 16 & 0xffff) + (b >> 32 & 0xffff) + (b >> 48);
    return (static_cast<double>(sum) * 0x1p-16 - 2) * std::sqrt(3.0);
  }
  int integer(int low, int high) {  // both included
    return low + static_cast<int>(bits() % static_cast<std::uint64_t>(high - low + 1));
  }
  bool chance(double probability) { return uniform(0, 1) < probability; }

 private:
  std::uint64_t state_;
};

template <class Draw>
std::vector<float> draw(std::size_t count, Draw&& next) {
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>(next());
  return values;
}

std::vector<float> rounded(DataType dtype, std::vector<float> values) {
  if (dtype == DataType::f32) return values;
  for (float& value : values) {
    value = static_cast<float>(round_to_storage(dtype, static_cast<double>(value)));
  }
  return values;
}

struct Sizes {
  std::size_t x, weights, channels, y;
  double terms;  // products of one output
};

Sizes sizes_of(const ConvProblem& problem) {
  const int c_per_group = problem.c / problem.groups;
  const auto terms = static_cast<std::size_t>(problem.r * problem.s * c_per_group);
  const auto channels = static_cast<std::size_t>(problem.k);
  return {static_cast<std::size_t>(problem.input().elements()), channels * terms, channels,
          static_cast<std::size_t>(output_shape(problem).elements()), static_cast<double>(terms)};
}

// Values of a trained network's size: outputs near 1, a few negative gammas.
RawConv make_random(const ConvProblem& problem, const RawOptions& options, Random& random) {
  const Sizes sizes = sizes_of(problem);
  const auto normal = [&](double deviation) {
    return [&random, deviation] { return deviation * random.normal(); };
  };
  RawConv raw;
  raw.x = rounded(problem.dtype, draw(sizes.x, normal(1)));
  raw.weights = draw(sizes.weights, normal(std::sqrt(1 / sizes.terms)));
  if (problem.residual) raw.residual = rounded(problem.dtype, draw(sizes.y, normal(1)));
  if (options.conv_bias) raw.conv_bias = draw(sizes.channels, normal(0.5));
  if (options.batch_norm) {
    raw.gamma = draw(sizes.channels,
                     [&] { return random.uniform(0.5, 1.5) * (random.chance(0.1) ? -1 : 1); });
    raw.beta = draw(sizes.channels, normal(0.5));
    raw.mean = draw(sizes.channels, normal(0.5));
    raw.variance = draw(sizes.channels, [&] { return random.uniform(0.5, 2); });
  }
  return raw;
}

// Sums stay far below 2^24, where fp32 is exact; weights are thinned out so that nearly all results
// are integers that the storage type holds.
RawConv make_integers(const ConvProblem& problem, const RawOptions& options, Random& random) {
  const Sizes sizes = sizes_of(problem);
  const double limit = problem.dtype == DataType::bf16 ? 256 : 2048;
  // x has variance 2, a weight variance `density`, scale is at most 2: six deviations of a sum fit.
  const double deviation = limit / 2 / 6;
  const double density = std::min(0.8, deviation * deviation / (2 * sizes.terms));
  const auto integer = [&](int largest) {
    return [&random, largest] { return random.integer(-largest, largest); };
  };
  RawConv raw;
  raw.x = draw(sizes.x, integer(2));
  raw.weights = draw(sizes.weights,
                     [&] { return random.chance(density) ? 2 * random.integer(0, 1) - 1 : 0; });
  if (problem.residual) raw.residual = draw(sizes.y, integer(8));
  if (options.conv_bias) raw.conv_bias = draw(sizes.channels, integer(4));
  if (options.batch_norm) {
    // sqrt(variance + eps) is 1 or 2, and the scale +-1 or +-2.
    raw.eps = 0.25;
    raw.variance = draw(sizes.channels, [&] { return random.chance(0.5) ? 0.75 : 3.75; });
    raw.gamma = draw(sizes.channels, [&] {
      return std::ldexp(random.chance(0.25) ? -1.0 : 1.0, random.integer(0, 1));
    });
    for (std::size_t k = 0; k < sizes.channels; ++k) {
      if (raw.variance[k] > 1) raw.gamma[k] *= 2;
    }
    raw.beta = draw(sizes.channels, integer(4));
    raw.mean = draw(sizes.channels, integer(4));
  }
  return raw;
}

}  // namespace

RawConv make_raw(const ConvProblem& problem, const RawOptions& options) {
  Random random(options.seed);
  return options.integers ? make_integers(problem, options, random)
                          : make_random(problem, options, random);
}

}  // namespace foldconv::oracle
