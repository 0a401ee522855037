// SPDX-License-Identifier: MIT
// What a problem must compute, from its convolutions run one by one.
//
// From outside, a block's intermediates cannot be seen. So its convolutions are run one by one
// through Conv, each judged by the oracle from what it read; every cut must then have the bits of the
// last one. A projection that the library sums as a longer K is one here, too: a 1x1 convolution of
// the two tensors side by side.
#pragma once

#include <vector>

#include "harness/problem/problem.hpp"
#include "harness/ways/judge.hpp"

namespace foldconv::harness {

struct ByHand {
  Verdict verdict;            // the worst of all convolutions
  Bytes y;                    // of the last line, all images
  oracle::Expected expected;  // of the last convolution, y's distinct images
  Images images;              // y's
};

// `joined`: of each line, whether its projection is summed as a longer K of its last convolution; else
// it is a convolution of its own, rounded, then added. `judged` false: nothing but y. Throws Error:
// what the library's calls say.
ByHand by_hand(const Problem& problem, const std::vector<bool>& joined, bool judged = true);

// y passes if it has the bits of right convolutions run one by one.
Verdict judge(const ByHand& by_hand, const Bytes& y);

// A line's last convolution with its projection as a longer K, [t | x] . [w3 ; wd]: both tensors
// filled up with zeros to whole slices of K, where the kernels take up the second one. Both scales
// are in the weights.
struct JoinedConv {
  ConvProblem problem;  // of [t | x]
  FoldedConv folded;
};
JoinedConv join(const Line& line);
// [t | x] at each output pixel, for so many images.
std::vector<float> side_by_side(const Line& line, int images, const std::vector<float>& t,
                                const std::vector<float>& x);

}  // namespace foldconv::harness
