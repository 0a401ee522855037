// A bottleneck with data, as a plan and as single convolutions wired by hand.
#pragma once

#include <optional>
#include <vector>

#include "foldconv/foldconv.hpp"
#include "kernels/support/device_buffer.hpp"
#include "reference/reference.hpp"

namespace foldconv::kernel_tests {

struct BlockShape {
  const char* name;
  int n, h, w;
  int c, middle, k;
  int stride = 1;
  StrideAt stride_at = StrideAt::conv2;
  int groups = 1;
  bool downsample = false;
};

// y of a plan: poisoned before, guard bands and x checked after. Throws std::runtime_error if it
// does not run.
std::vector<std::byte> run_block(const BlockPlan& plan, DataType dtype,
                                 const std::vector<std::byte>& x);

class TestBlock {
 public:
  // Integers: every intermediate is exact, whatever the order of the sums.
  TestBlock(const BlockShape& shape, DataType dtype, bool integers = false);

  // Throws std::runtime_error if creation fails.
  Bottleneck create() const;

  std::vector<std::byte> run(const BlockPlan& plan) const;

  // y of single convolutions, each with its own plan. With a downsample, `merged` sums it as a
  // longer K of the last convolution; else it is a convolution of its own, rounded, then added.
  std::vector<std::byte> run_by_hand() const;

  // What the last convolution computes from t2 (of run_by_hand) and x, by the oracle: a projection
  // as a longer K.
  reference::Expected expect_projection() const;

  BlockProblem problem() const { return {shape_.n, shape_.h, shape_.w}; }

 private:
  BlockLayer layer(const reference::RawConv& raw, int k, int c_per_group, int r) const;
  BottleneckWeights weights() const;
  Shape middle_shape(int index) const;
  std::vector<std::byte> run_step(const BlockLayer& layer, ConvProblem problem,
                                  const std::vector<std::byte>& x,
                                  const std::vector<std::byte>* residual) const;
  std::vector<std::byte> t2() const;

  BlockShape shape_;
  DataType dtype_;
  reference::RawConv conv1_, conv2_, conv3_, downsample_;
};

}  // namespace foldconv::kernel_tests
