// SPDX-License-Identifier: MIT
// Bottlenecks with data, as plans and as single convolutions wired by hand.
#pragma once

#include <vector>

#include "foldconv/foldconv.hpp"
#include "harness/oracle/oracle.hpp"
#include "harness/problem/problem.hpp"
#include "kernels/support/device_buffer.hpp"

namespace foldconv::kernel_tests {

struct BlockShape {
  const char* name;
  int n, h, w;
  int c, middle, k;
  int stride = 1;
  StrideAt stride_at = StrideAt::conv2;
  int groups = 1;
  bool downsample = false;
  Activation inner = Activation::relu, last = Activation::relu;
};

// y of a plan: poisoned before, guard bands and x checked after. Throws Error if it does not run.
std::vector<std::byte> run_block(const BlockPlan& plan, DataType dtype,
                                 const std::vector<std::byte>& x, Guards guards = Guards::shifted);

// How the reference sums a projection shortcut.
enum class Projection {
  joined,   // [t2 | x] . [w3 ; wd] as one longer K: a 1x1 of the two tensors set side by side
  rounded,  // a convolution of its own, rounded, then added
};

struct BlockDataOptions {
  bool integers = false;  // every intermediate is exact, whatever the order of the sums
  std::uint64_t seed = 1;
};

class TestBlock {
 public:
  TestBlock(const BlockShape& shape, DataType dtype, const BlockDataOptions& options = {});

  // Throws Error if creation fails.
  Block create(ScalePlacement placement = FoldOptions().placement) const;

  std::vector<std::byte> input() const { return problem_.input().encode(problem_.x); }
  std::vector<std::byte> run(const BlockPlan& plan, Guards guards = Guards::shifted) const {
    return run_block(plan, problem_.dtype(), input(), guards);
  }

  // y of single convolutions, each planned and run by itself.
  std::vector<std::byte> run_by_hand(Projection projection = Projection::joined) const;

  // What the last convolution computes from t2 (of run_by_hand) and x, by the oracle: a projection
  // as a longer K.
  oracle::Expected expect_projection() const;

  Images problem() const;

 private:
  harness::Problem problem_;
};

}  // namespace foldconv::kernel_tests
