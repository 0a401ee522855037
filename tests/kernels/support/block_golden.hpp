// SPDX-License-Identifier: MIT
// Residual blocks that another framework computed: see tests/golden/make_blocks.py.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "foldconv/foldconv.hpp"
#include "harness/problem/problem.hpp"

namespace foldconv::kernel_tests {

// A convolution without bias and its BatchNorm, as the state dict holds them.
struct GoldenLayer {
  int k = 0, c_per_group = 0, r = 1;
  std::vector<float> weights;                      // KCRS
  std::vector<float> gamma, beta, mean, variance;  // k
  double eps = 0;
};

struct BlockGolden {
  std::string name;
  int n = 0, h = 0, w = 0, c = 0, k = 0;
  std::vector<GoldenLayer> layers;  // three: a bottleneck; two: a basic block
  std::optional<GoldenLayer> downsample;
  int stride = 1;
  StrideAt stride_at = StrideAt::conv2;  // of a bottleneck
  int groups = 1;                        // of a bottleneck
  std::vector<float> x;                  // NHWC; x and the weights are exact in f16 and bf16
  std::vector<float> y;                  // NHWC, computed in fp64 and rounded to fp32

  bool is_bottleneck() const { return layers.size() == 3; }
};

// Throws std::runtime_error if a file is missing or holds something else than the index says.
std::vector<BlockGolden> read_block_goldens(const std::string& folder);

// With views of the golden's weights, which must outlive it.
harness::Problem problem_of(const BlockGolden& golden, DataType dtype);

// Throws Error if creation fails.
Block create_block(const BlockGolden& golden, DataType dtype);

}  // namespace foldconv::kernel_tests
