// SPDX-License-Identifier: MIT
// Weights of a convolution and its BatchNorm, as NumPy arrays.
#pragma once

#include <nanobind/nanobind.h>

#include <optional>
#include <string>
#include <vector>

#include "foldconv/block.hpp"
#include "foldconv/fold.hpp"
#include "host_array.hpp"

namespace foldconv::python {

// foldconv.BatchNorm: arrays of a value for each channel.
struct BatchNormArrays {
  nanobind::object mean, variance, gamma, beta;  // None: gamma 1, beta 0
  double eps = 0;
};

// Keeps the arrays that layer() points into.
class LayerWeights {
 public:
  // w: K, C / groups, R, S. Raises, naming `who` ("conv1") where it is not empty.
  LayerWeights(nanobind::handle w, const BatchNormArrays* batch_norm, nanobind::handle bias,
               const std::string& who = {});
  // w, (w, batch_norm) or (w, batch_norm, bias)
  static LayerWeights of_tuple(nanobind::handle layer, const std::string& who);

  BlockLayer layer() const;

 private:
  std::span<const float> hold(nanobind::handle array, const std::string& who, std::size_t rank);

  std::vector<HostArray> held_;
  ConvWeights conv_;
  std::optional<BatchNorm> batch_norm_;
};

}  // namespace foldconv::python
