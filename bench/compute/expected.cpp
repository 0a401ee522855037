#include "compute/expected.hpp"

#include <cstddef>
#include <span>
#include <utility>

#include "harness/oracle/pointwise.hpp"

namespace foldconv::tool {
namespace {

// One element after another: `computed(i)` is the value before the store.
template <class Computed>
oracle::Expected stored(DataType dtype, std::size_t size, Computed computed) {
  oracle::Expected expected;
  expected.y.reserve(size);
  expected.bound.reserve(size);
  for (std::size_t i = 0; i < size; ++i) {
    const oracle::Bounded element = oracle::store(dtype, computed(i));
    expected.y.push_back(element.value);
    expected.bound.push_back(element.error);
  }
  return expected;
}

}  // namespace

oracle::Expected expected_conv(const ConvProblem& problem, const FoldedConv& folded,
                               std::vector<float> x, std::vector<float> residual) {
  const auto copy = [](std::span<const float> values) {
    return std::vector<float>(values.begin(), values.end());
  };
  return oracle::conv(problem, {.x = std::move(x),
                                .weights = copy(folded.weights()),
                                .scale = copy(folded.scale()),
                                .bias = copy(folded.bias()),
                                .residual = std::move(residual)});
}

oracle::Expected expected_batch_norm(DataType dtype, const std::vector<float>& x,
                                     const BatchNorm& batch_norm) {
  const std::size_t channels = batch_norm.variance.size();
  const auto eps = static_cast<float>(batch_norm.eps.value);
  return stored(dtype, x.size(), [&](std::size_t i) {
    const std::size_t k = i % channels;
    return oracle::batch_norm(x[i], batch_norm.gamma.empty() ? 1 : batch_norm.gamma[k],
                              batch_norm.beta.empty() ? 0 : batch_norm.beta[k], batch_norm.mean[k],
                              batch_norm.variance[k], eps);
  });
}

oracle::Expected expected_add(DataType dtype, const std::vector<float>& x,
                              const std::vector<float>& z) {
  return stored(dtype, x.size(), [&](std::size_t i) { return oracle::add(x[i], z[i]); });
}

oracle::Expected expected_activation(DataType dtype, Activation activation, float alpha,
                                     const std::vector<float>& x) {
  return stored(dtype, x.size(), [&](std::size_t i) {
    return oracle::activate(activation, alpha, {.value = x[i], .error = 0});
  });
}

}  // namespace foldconv::tool
