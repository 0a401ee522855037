// SPDX-License-Identifier: MIT
// What a problem must compute, from its convolutions run one by one.
//
// From outside, a block's intermediates cannot be seen. So its convolutions are run one by one
// through Conv, each judged by the oracle from what it read; every cut must then have the bits of the
// last one. A projection that the library sums as a longer K is one here, too: a 1x1 convolution of
// the two tensors side by side.
#pragma once

#include <functional>
#include <vector>

#include "harness/problem/problem.hpp"
#include "harness/ways/way.hpp"

namespace foldconv::harness {

struct ByHand {
  Checked checked;  // the convolutions; y: of the last line, all images
  Images images;    // y's
  std::function<Verdict(const Bytes& y)> judge_last;  // y by what the last convolution read
};

// `joined`: of each line, whether its projection is summed as a longer K of its last convolution; else
// it is a convolution of its own, rounded, then added. `judged` false: nothing but y. `instructions`: of
// all convolutions. Throws Error: what the library's calls say.
ByHand by_hand(const Problem& problem, const std::vector<bool>& joined, bool judged = true,
               Instructions instructions = Instructions::automatic);

// y passes if it has the bits of right convolutions run one by one.
Verdict judge(const ByHand& by_hand, const Bytes& y);

}  // namespace foldconv::harness
