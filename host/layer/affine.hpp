// SPDX-License-Identifier: MIT
// Elementwise layers of one tensor: a scale and a shift for each channel, and an activation.
#pragma once

#include <cstdint>

#include "foldconv/activation.hpp"
#include "foldconv/tensor.hpp"
#include "layer/layer.hpp"
#include "layer/layer_sizes.hpp"

namespace foldconv::host {

// y = activation(scale[c] * x + shift[c]), x and y [n][pixels_per_image][c]; y may be x.
struct AffineProblem {
  DataType dtype = DataType::f16;
  int n = 1;
  std::int64_t pixels_per_image = 0;
  int c = 0;
  const float* scale = nullptr;  // c fp32 elements each, on the device; they outlive the layer
  const float* shift = nullptr;
  Activation activation = Activation::none;
  LayerPitches pitch = {};
};

// Errors: invalid_argument, misaligned, device_too_old, cuda_error.
Result<Layer> plan_affine(const AffineProblem& problem);

// y = activation(x); y may be x. With pitches, elements_per_image are those of pixels of c channels.
struct ActivateProblem {
  DataType dtype = DataType::f16;
  int n = 1;
  std::int64_t elements_per_image = 0;
  Activation activation = Activation::none;
  int c = 0;  // where there is a pitch
  LayerPitches pitch = {};
};

// Errors: invalid_argument, device_too_old, cuda_error.
Result<Layer> plan_activate(const ActivateProblem& problem);

}  // namespace foldconv::host
