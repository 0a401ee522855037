// SPDX-License-Identifier: MIT
#include "layer/softmax.hpp"

#include "base/error.hpp"
#include "base/text.hpp"
#include "layer/layer_sizes.hpp"
#include "layer/make_layer.hpp"

namespace foldconv::host {

Result<Layer> plan_softmax(const SoftmaxProblem& problem) {
  return guarded([&]() -> Result<Layer> {
    if (Status status = check_tensor(
            problem.dtype,
            {{"outer", problem.outer}, {"length", problem.length}, {"inner", problem.inner}});
        !status.ok())
      return status;
    if (problem.n < 1 || problem.outer % problem.n != 0)
      return invalid("n does not divide the outer extent of a softmax",
                     text("n = ", problem.n, ", outer = ", problem.outer),
                     "count the images in outer");

    // Neighbouring threads read neighbours: along the sum, or 32 sums beside each other.
    const bool rows_first = problem.inner == 1;
    const int most_row_bits = rows_first ? 8 : 3;
    SoftmaxParams params = {};
    params.length = problem.length;
    params.inner = problem.inner;
    params.rows_first = rows_first ? 1 : 0;
    while (params.row_bits < most_row_bits && (1 << params.row_bits) < problem.length)
      ++params.row_bits;

    const double elements = double(problem.outer) * double(problem.length) * double(problem.inner);
    constexpr double kFlopsPerElement =
        5;  // compare, two subtractions, a sum and a division, beside two exponentials
    return make_layer(
        LayerOp::softmax, problem.dtype, params,
        {.n = problem.n,
         .units = problem.outer * problem.inner,
         .units_per_cta = kLayerThreads >> params.row_bits},
        layer_cost(2 * elements * double(size_of(problem.dtype)), kFlopsPerElement * elements));
  });
}

}  // namespace foldconv::host
