// SPDX-License-Identifier: MIT
#include "network/channel_affine.hpp"

#include <cmath>

#include "fold/fold_checks.hpp"

namespace foldconv::host {

BatchNormNode ChannelAffine::batch_norm() const {
  const Extents extents = {std::ssize(scale)};
  const auto constant = [&](const std::vector<double>& values) {
    return Constant(extents, std::vector<float>(values.begin(), values.end()));
  };
  const std::vector<double> zeros(scale.size(), 0.0), ones(scale.size(), 1.0);
  return {.gamma = constant(scale),
          .beta = constant(shift),
          .mean = constant(zeros),
          .variance = constant(ones),
          .eps = Epsilon(0)};
}

BatchNorm view_of(const BatchNormNode& node) {
  return {.gamma = node.gamma.values(),
          .beta = node.beta.values(),
          .mean = node.mean.values(),
          .variance = node.variance.values(),
          .eps = node.eps};
}

Result<ChannelAffine> channel_affine(const BatchNormNode& node) {
  const BatchNorm arrays = view_of(node);
  const std::size_t channels = arrays.mean.size();
  if (Status status = check_batch_norm(arrays, static_cast<int>(channels)); !status.ok())
    return status;
  ChannelAffine affine;
  for (std::size_t c = 0; c < channels; ++c) {
    const double gamma = arrays.gamma.empty() ? 1.0 : arrays.gamma[c];
    const double beta = arrays.beta.empty() ? 0.0 : arrays.beta[c];
    affine.scale.push_back(gamma / std::sqrt(double{arrays.variance[c]} + arrays.eps.value));
    affine.shift.push_back(beta - arrays.mean[c] * affine.scale.back());
  }
  return affine;
}

ChannelAffine composed(const ChannelAffine& first, const ChannelAffine& second) {
  ChannelAffine both = second;
  for (std::size_t c = 0; c < both.scale.size(); ++c) {
    both.shift[c] += both.scale[c] * first.shift[c];
    both.scale[c] *= first.scale[c];
  }
  return both;
}

}  // namespace foldconv::host
