// SPDX-License-Identifier: MIT
// From a problem and a kernel of the sm_90 family to the arguments of its launch.
#pragma once

#include <cstdint>

#include "base/device.hpp"
#include "catalog/launch.hpp"
#include "catalog/registry.hpp"
#include "catalog/tensor_maps.hpp"
#include "foldconv/conv.hpp"
#include "params/conv_sm90_params.hpp"

namespace foldconv::host {

// A kernel as it is launched.
struct Sm90Variant {
  const Sm90Kernel* kernel;
  Multicast multicast;
};

LaunchShape sm90_launch_shape(const Sm90Variant& variant, const ConvProblem& problem,
                              const DeviceFigures& device);

// What conv_sm90_params.hpp says of each map.
TensorMapSpec sm90_x_map(const Sm90Variant& variant, const ConvProblem& problem);
TensorMapSpec sm90_w_map(const Sm90Variant& variant, const ConvProblem& problem);
// Of y, or of the residual: what they are apart in is the elements from a pixel to the next.
TensorMapSpec sm90_y_map(const Sm90Variant& variant, const ConvProblem& problem, int pitch);

// Parameters without maps and pointers.
ConvSm90Params sm90_params(const Sm90Variant& variant, const ConvProblem& problem);

// Parameters of a plan: run() sets addresses in a copy.
struct Sm90Arguments {
  ConvSm90Params params;
  TensorMapCalls calls;

  Status bind(const void* x, const void* residual, void* y);
};

// With maps, of the weights' address all of them, into `arguments`. Errors: those of TensorMapCalls.
Status make_sm90_arguments(const Sm90Variant& variant, const ConvProblem& problem,
                           const void* weights, const float* scale, const float* bias,
                           Sm90Arguments& arguments);

}  // namespace foldconv::host
