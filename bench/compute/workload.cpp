#include "compute/workload.hpp"

#include <algorithm>

#include "compute/expected.hpp"

namespace foldconv::tool {
namespace {

ConvProblem with_images(ConvProblem problem, int images) {
  problem.n = images;
  return problem;
}

ConvWeights weights_of(const Workload& workload) {
  const ConvProblem& problem = workload.problem;
  return {.values = workload.raw.weights,
          .k = problem.k,
          .c_per_group = problem.c / problem.groups,
          .r = problem.r,
          .s = problem.s,
          .bias = workload.raw.conv_bias};
}

}  // namespace

Workload make_workload(const ConvProblem& problem, const Options& options) {
  const int distinct = std::min(problem.n, affordable_images(with_images(problem, 1).flops()));
  return {.problem = problem,
          .distinct = distinct,
          .raw = oracle::make_raw(with_images(problem, distinct), {.batch_norm = options.batch_norm,
                                                                   .conv_bias = options.conv_bias,
                                                                   .seed = options.seed})};
}

std::optional<BatchNorm> Workload::batch_norm() const {
  if (raw.variance.empty()) return std::nullopt;
  return BatchNorm{.gamma = raw.gamma,
                   .beta = raw.beta,
                   .mean = raw.mean,
                   .variance = raw.variance,
                   .eps = Epsilon(raw.eps)};
}

Result<FoldedConv> Workload::folded() const {
  return fold(weights_of(*this), batch_norm(), {.dtype = problem.dtype});
}

Result<FoldedConv> Workload::unfolded() const {
  return fold(weights_of(*this), std::nullopt, {.dtype = problem.dtype});
}

std::vector<std::byte> Workload::x(int images) const {
  return encode_images(problem.dtype, raw.x, distinct, images);
}

std::vector<std::byte> Workload::residual(int images) const {
  return encode_images(problem.dtype, raw.residual, distinct, images);
}

oracle::Expected expected_of(const Workload& workload, const ConvProblem& problem,
                             const FoldedConv& folded) {
  return expected_conv(with_images(problem, workload.distinct), folded, workload.raw.x,
                       problem.residual ? workload.raw.residual : std::vector<float>());
}

}  // namespace foldconv::tool
