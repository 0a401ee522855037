#include "workload.hpp"

#include <algorithm>
#include <cstring>
#include <optional>

namespace foldconv::tool {
namespace {

// Work for the reference on one problem: some seconds on a core.
constexpr double kReferenceFlops = 4e9;

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

std::vector<std::byte> repeated(DataType dtype, std::span<const float> values, int distinct,
                                int images) {
  const std::vector<std::byte> encoded = reference::encode(dtype, values);
  const std::size_t image_bytes = encoded.size() / static_cast<std::size_t>(distinct);
  std::vector<std::byte> all(image_bytes * static_cast<std::size_t>(images));
  for (int i = 0; i < images; ++i) {
    std::memcpy(all.data() + static_cast<std::size_t>(i) * image_bytes,
                encoded.data() + static_cast<std::size_t>(i % distinct) * image_bytes, image_bytes);
  }
  return all;
}

}  // namespace

Workload make_workload(const ConvProblem& problem, const Options& options) {
  const double per_image = std::max(with_images(problem, 1).flops(), 1.0);
  const int affordable = static_cast<int>(std::clamp(kReferenceFlops / per_image, 1.0, 1e6));
  const int distinct = std::min(problem.n, affordable);
  return {
      .problem = problem,
      .distinct = distinct,
      .raw = reference::make_raw(with_images(problem, distinct), {.batch_norm = options.batch_norm,
                                                                  .conv_bias = options.conv_bias,
                                                                  .seed = options.seed})};
}

Result<FoldedConv> Workload::folded() const {
  if (!has_batch_norm()) return unfolded();
  const BatchNorm batch_norm{.gamma = raw.gamma,
                             .beta = raw.beta,
                             .mean = raw.mean,
                             .variance = raw.variance,
                             .eps = Epsilon(raw.eps)};
  return fold(weights_of(*this), batch_norm, {.dtype = problem.dtype});
}

Result<FoldedConv> Workload::unfolded() const {
  return fold(weights_of(*this), std::nullopt, {.dtype = problem.dtype});
}

std::vector<std::byte> Workload::x(int images) const {
  return repeated(problem.dtype, raw.x, distinct, images);
}

std::vector<std::byte> Workload::residual(int images) const {
  return repeated(problem.dtype, raw.residual, distinct, images);
}

reference::Expected expected_of(const Workload& workload, const ConvProblem& problem,
                                const FoldedConv& folded) {
  const auto copy = [](std::span<const float> values) {
    return std::vector<float>(values.begin(), values.end());
  };
  const reference::ConvInputs inputs{
      .x = workload.raw.x,
      .weights = copy(folded.weights()),
      .scale = copy(folded.scale()),
      .bias = copy(folded.bias()),
      .residual = problem.residual ? workload.raw.residual : std::vector<float>()};
  return reference::conv(with_images(problem, workload.distinct), inputs);
}

namespace {

std::string place_of(std::int64_t element, const ConvProblem& problem) {
  const std::int64_t k = problem.k, q = problem.q(), p = problem.p();
  const auto number = [](std::int64_t value) { return std::to_string(value); };
  return "image " + number(element / (p * q * k)) + ", row " + number(element / (q * k) % p) +
         ", column " + number(element / k % q) + ", channel " + number(element % k);
}

}  // namespace

Verdict judge(const Workload& workload, const reference::Expected& expected,
              std::span<const std::byte> y) {
  const auto images = static_cast<std::size_t>(workload.problem.n);
  const auto distinct = static_cast<std::size_t>(workload.distinct);
  const std::size_t image_bytes = y.size() / images;
  const reference::Comparison comparison = reference::compare(
      reference::decode(workload.problem.dtype, y.first(distinct * image_bytes)), expected);
  Verdict verdict{.pass = comparison.pass,
                  .max_abs_error = comparison.max_abs_error,
                  .worst_share = comparison.worst_share,
                  .reason = ""};
  if (!comparison.pass) verdict.reason = comparison.to_string();
  if (!comparison.pass && comparison.worst_index >= 0) {
    verdict.reason +=
        "; the worst element is " + place_of(comparison.worst_index, workload.problem);
  }
  for (std::size_t i = distinct; i < images && verdict.pass; ++i) {
    const std::byte* twin = y.data() + (i % distinct) * image_bytes;
    if (std::memcmp(y.data() + i * image_bytes, twin, image_bytes) == 0) continue;
    verdict.pass = false;
    verdict.reason = "image " + std::to_string(i) + " differs from its copy, image " +
                     std::to_string(i % distinct);
  }
  return verdict;
}

}  // namespace foldconv::tool
