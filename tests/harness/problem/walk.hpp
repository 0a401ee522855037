// SPDX-License-Identifier: MIT
// The one walk over a problem: which convolution reads what.
#pragma once

#include <functional>
#include <type_traits>
#include <vector>

#include "harness/problem/problem.hpp"

namespace foldconv::harness {

// Tensor is whatever stands for a tensor: bytes, a device buffer, a shape. Calls, in order, for each
// convolution
//   Tensor run(const LineConv& conv, const Tensor& x, const Tensor* residual)
// with what it reads (residual: null where it has none), and returns what the last one returned. A
// block's projection comes before the line's first convolution. `x`, `residual`: the problem's;
// blocks have no residual.
//
// `joined`, of each line: its last convolution and its projection are one, computed by
//   Tensor join(const Line& line, const Tensor& t, const Tensor& x)
// from what the last one reads and the line's x.
template <class Tensor>
using Join = std::function<Tensor(const Line& line, const Tensor& t, const Tensor& x)>;
template <class Tensor, class Run>
Tensor walk(const Problem& problem, Tensor x, const std::type_identity_t<Tensor>& residual,
            Run&& run, const std::vector<bool>& joined = {},
            const std::type_identity_t<Join<Tensor>>& join = {}) {
  for (std::size_t i = 0; i < problem.lines.size(); ++i) {
    const Line& line = problem.lines[i];
    const bool is_joined = i < joined.size() && joined[i] && line.shortcut.has_value();
    const bool projects = line.shortcut && !is_joined;
    const Tensor shortcut = projects         ? run(*line.shortcut, x, nullptr)
                            : problem.blocks ? x
                                             : residual;
    Tensor t = x;
    for (std::size_t c = 0; c < line.convs.size() - (is_joined ? 1 : 0); ++c) {
      const LineConv& conv = line.convs[c];
      t = run(conv, t, conv.problem.residual ? &shortcut : nullptr);
    }
    x = is_joined ? join(line, t, x) : t;
  }
  return x;
}

}  // namespace foldconv::harness
