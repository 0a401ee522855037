#include "pointwise_expected.hpp"

#include <cstddef>

#include "reference/pointwise.hpp"

namespace foldconv::tool {
namespace {

// One element after another: `computed(i)` is the value before the store.
template <class Computed>
reference::Expected stored(DataType dtype, std::size_t size, Computed computed) {
  reference::Expected expected;
  expected.y.reserve(size);
  expected.bound.reserve(size);
  for (std::size_t i = 0; i < size; ++i) {
    const reference::Bounded element = reference::store(dtype, computed(i));
    expected.y.push_back(element.value);
    expected.bound.push_back(element.error);
  }
  return expected;
}

}  // namespace

reference::Expected expected_batch_norm(DataType dtype, const std::vector<float>& x,
                                        const reference::RawConv& raw) {
  const std::size_t channels = raw.variance.size();
  return stored(dtype, x.size(), [&](std::size_t i) {
    const std::size_t k = i % channels;
    return reference::batch_norm(x[i], raw.gamma.empty() ? 1 : raw.gamma[k],
                                 raw.beta.empty() ? 0 : raw.beta[k], raw.mean[k], raw.variance[k],
                                 static_cast<float>(raw.eps));
  });
}

reference::Expected expected_add(DataType dtype, const std::vector<float>& x,
                                 const std::vector<float>& z) {
  return stored(dtype, x.size(), [&](std::size_t i) { return reference::add(x[i], z[i]); });
}

reference::Expected expected_activation(const ConvProblem& layer, const std::vector<float>& x) {
  return stored(layer.dtype, x.size(), [&](std::size_t i) {
    return reference::activate(layer.activation, layer.alpha, {.value = x[i], .error = 0});
  });
}

}  // namespace foldconv::tool
