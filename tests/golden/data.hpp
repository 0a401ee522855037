// SPDX-License-Identifier: MIT
// Data of listed problems: the same bits with every compiler and standard library, because all of it
// is multiples of powers of two out of an integer generator.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string_view>
#include <tuple>
#include <vector>

#include "foldconv/foldconv.hpp"
#include "golden/lists.hpp"

namespace foldconv::golden {

// FNV-1a, 64 bits (Fowler, Noll, Vo).
std::uint64_t fnv1a(std::span<const std::byte> bytes);
std::uint64_t fnv1a(std::string_view text);

// From -1 to below 1, multiples of 2^(1 - bits). With 8 bits they are exact in every data type.
std::vector<float> make_values(std::int64_t count, std::uint64_t seed, int bits = 8);

// Weights, scaled so that sums are of the order of x, and a BatchNorm that is not the identity. One
// seed of three gives weights that are exact in 16 bits: their scale goes into the epilogue.
// Throws std::runtime_error where fold() or create() fails.
Conv make_conv(const ConvProblem& problem, std::uint64_t seed);

// Blocks with weights, each made once.
class Blocks {
 public:
  // Blocks of a stage that have one shape have so many sets of weights by turns: with two, none has
  // its neighbour's; for plans one is enough.
  explicit Blocks(std::size_t weight_sets) : weight_sets_(weight_sets) {}

  // Throws std::runtime_error where create() fails.
  Result<BlockPlan> plan(const ListedBlocks& listed, DataType dtype, const Images& problem,
                         const BlockPlanOptions& options = {});

 private:
  const Block& block(const BlockShape& shape, DataType dtype, std::uint64_t seed);

  std::size_t weight_sets_;
  std::map<std::tuple<BlockShape, DataType, std::uint64_t>, Block> blocks_;
};

}  // namespace foldconv::golden
