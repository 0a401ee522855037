// The one walk over a problem: which convolution reads what.
#pragma once

#include <utility>

#include "harness/problem/problem.hpp"

namespace foldconv::harness {

// Calls, in order, for each convolution
//   Tensor run(const LineConv& conv, const Tensor& x, const Tensor* residual)
// with what it reads, and returns what the last one returned; residual is null where it has none.
// A block's projection comes before the line's first convolution. Tensor is whatever stands for a
// tensor: bytes, a device buffer, a shape.
template <class Tensor, class Run>
Tensor walk(const Line& line, const Tensor& x, const Tensor& residual, Run&& run) {
  Tensor t = x;
  for (const LineConv& conv : line.convs) {
    t = run(conv, std::as_const(t), conv.problem.residual ? &residual : nullptr);
  }
  return t;
}

// `x` and `residual`: the problem's; a block has no residual.
template <class Tensor, class Run>
Tensor walk(const Problem& problem, Tensor x, const Tensor& residual, Run&& run) {
  for (const Line& line : problem.lines) {
    const Tensor shortcut = line.shortcut    ? run(*line.shortcut, std::as_const(x), nullptr)
                            : problem.blocks ? x
                                             : residual;
    x = walk(line, x, shortcut, run);
  }
  return x;
}

}  // namespace foldconv::harness
