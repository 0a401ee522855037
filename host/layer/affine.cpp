// SPDX-License-Identifier: MIT
#include "layer/affine.hpp"

#include <algorithm>

#include "base/enum_checks.hpp"
#include "base/error.hpp"
#include "base/sizes.hpp"
#include "base/text.hpp"
#include "layer/layer_sizes.hpp"
#include "layer/make_layer.hpp"

namespace foldconv::host {
namespace {

bool multiple(const float* pointer, std::size_t alignment) {
  return reinterpret_cast<std::uintptr_t>(pointer) % alignment == 0;
}

Status check_array(const char* name, const float* array) {
  if (array == nullptr)
    return invalid("a required pointer is null", name, "pass a device array of c fp32 elements");
  if (!multiple(array, alignof(float)))
    return error(ErrorCode::misaligned, "an fp32 array is not aligned to 4 bytes", name,
                 "pass a pointer from cudaMalloc, or a multiple of 4 bytes behind one");
  return {};
}

// Of a problem with pitches.
Status check_pixels(const ActivateProblem& problem) {
  if (problem.c < 1 || problem.elements_per_image % problem.c != 0)
    return invalid("the elements of an image are not those of whole pixels",
                   text("elements_per_image = ", problem.elements_per_image, ", c = ", problem.c),
                   "give c, or no pitch");
  if (Status status = check_pitches(problem.dtype, problem.pitch, problem.c); !status.ok())
    return status;
  return check_tensor(problem.dtype, {{"n", problem.n},
                                      {"pixels", problem.elements_per_image / problem.c},
                                      {"pitch", std::max(problem.pitch.x, problem.pitch.y)}});
}

}  // namespace

Result<Layer> plan_affine(const AffineProblem& problem) {
  return guarded([&]() -> Result<Layer> {
    if (Status status = check_tensor(
            problem.dtype,
            {{"n", problem.n}, {"pixels_per_image", problem.pixels_per_image}, {"c", problem.c}});
        !status.ok())
      return status;
    if (Status status = check_activation(problem.activation); !status.ok()) return status;
    if (Status status = check_pitches(problem.dtype, problem.pitch, problem.c); !status.ok())
      return status;
    const int x_pitch = pitch_or(problem.pitch.x, problem.c),
              y_pitch = pitch_or(problem.pitch.y, problem.c);
    if (Status status = check_tensor(problem.dtype, {{"n", problem.n},
                                                     {"pixels_per_image", problem.pixels_per_image},
                                                     {"pitch", std::max(x_pitch, y_pitch)}});
        !status.ok())
      return status;
    if (Status status = check_array("scale", problem.scale); !status.ok()) return status;
    if (Status status = check_array("shift", problem.shift); !status.ok()) return status;

    const int width = piece_width(problem.dtype);
    const bool vector = problem.c % width == 0 && multiple(problem.scale, kAlignmentBytes) &&
                        multiple(problem.shift, kAlignmentBytes);
    const int pieces = vector ? problem.c / width : problem.c;
    AffineParams params = {};
    params.scale = problem.scale;
    params.shift = problem.shift;
    params.x_pitch = x_pitch;
    params.y_pitch = y_pitch;
    params.vector = vector ? 1 : 0;
    params.pieces = fast_division(pieces);
    params.activation = activation_params(problem.activation);

    const std::int64_t pixels = problem.n * problem.pixels_per_image;
    const double elements = double(pixels) * problem.c;
    constexpr double kArrayBytes = 2 * sizeof(float);
    return make_layer(
        LayerOp::affine, problem.dtype, params, {.n = problem.n, .units = pixels * pieces},
        layer_cost(2 * elements * double(size_of(problem.dtype)) + kArrayBytes * problem.c,
                   2 * elements));
  });
}

Result<Layer> plan_activate(const ActivateProblem& problem) {
  return guarded([&]() -> Result<Layer> {
    if (Status status = check_tensor(
            problem.dtype, {{"n", problem.n}, {"elements_per_image", problem.elements_per_image}});
        !status.ok())
      return status;
    if (Status status = check_activation(problem.activation); !status.ok()) return status;
    const Result<DeviceFigures> figures = current_figures();
    if (!figures.ok()) return figures.status();

    static_assert(kPointwiseThreads == kLayerThreads);
    PointwiseParams params = {};
    params.c = 1;
    params.activation = activation_params(problem.activation);
    const std::int64_t elements = problem.n * problem.elements_per_image;
    if (problem.pitch.x != 0 || problem.pitch.y != 0) {
      if (Status status = check_pixels(problem); !status.ok()) return status;
      params.c = problem.c;
      set_pitches(params, {.x = problem.pitch.x, .residual = 0, .y = problem.pitch.y});
    }
    return make_layer(
        *find_pointwise_kernel(PointwiseOp::activate, problem.dtype, *figures), *figures, params,
        {.n = problem.n,
         .units = elements,
         .units_per_cta = kPointwiseThreads * piece_width(problem.dtype)},
        layer_cost(2 * double(elements) * double(size_of(problem.dtype)), double(elements)));
  });
}

}  // namespace foldconv::host
