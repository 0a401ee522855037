// SPDX-License-Identifier: MIT
#include "layer/preprocess.hpp"

#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "base/text.hpp"
#include "layer/layer_sizes.hpp"
#include "layer/make_layer.hpp"

namespace foldconv::host {
namespace {

constexpr int kMostChannels = 4;  // with numbers of their own

bool normalises(const PixelFormat& format) {
  const PixelFormat identity;
  return format.mean != identity.mean || format.scale != identity.scale;
}

Status check(const PreprocessProblem& problem) {
  if (Status status = check_tensor(
          problem.dtype, {{"n", problem.n}, {"h", problem.h}, {"w", problem.w}, {"c", problem.c}});
      !status.ok())
    return status;
  const PixelFormat& format = problem.format;
  const std::string channels = text("c = ", problem.c);
  if (format.layout != PixelLayout::nchw && format.layout != PixelLayout::nhwc)
    return invalid("unknown layout of pixels",
                   text("static_cast<PixelLayout>(", static_cast<int>(format.layout), ")"),
                   "use nchw or nhwc");
  if (static_cast<int>(format.type) > static_cast<int>(PixelType::f32))
    return invalid("unknown type of pixels",
                   text("static_cast<PixelType>(", static_cast<int>(format.type), ")"),
                   "use u8, f16 or f32");
  if (format.swap_red_blue && (problem.c < 3 || problem.c > kMostChannels))
    return invalid("red and blue are of three or four channels", channels,
                   "leave swap_red_blue false");
  if (normalises(format) && problem.c > kMostChannels)
    return invalid(text("mean and scale are of at most ", kMostChannels, " channels"), channels,
                   "leave mean 0 and scale 1");
  for (std::size_t i = 0; i < format.mean.size(); ++i) {
    if (!std::isfinite(format.mean[i]) || !std::isfinite(format.scale[i]))
      return invalid(
          "mean and scale must be finite",
          text("channel ", i, ": mean = ", format.mean[i], ", scale = ", format.scale[i]),
          "use the numbers that the network was trained with");
  }
  return check_divisors({{"h * w", std::int64_t{problem.h} * problem.w}});
}

}  // namespace

Storage pixel_storage(PixelType type) {
  switch (type) {
    case PixelType::u8:
      return Storage::u8;
    case PixelType::f16:
      return Storage::f16;
    case PixelType::f32:
      break;
  }
  return Storage::f32;
}

std::size_t pixel_bytes(PixelType type) {
  return type == PixelType::u8 ? 1 : type == PixelType::f16 ? 2 : 4;
}

Result<Layer> plan_preprocess(const PreprocessProblem& problem) {
  return guarded([&]() -> Result<Layer> {
    if (Status status = check(problem); !status.ok()) return status;
    const PixelFormat& format = problem.format;
    PreprocessParams params = {};
    params.from = pixel_storage(format.type);
    params.planes = format.layout == PixelLayout::nchw ? 1 : 0;
    params.swap = format.swap_red_blue ? 1 : 0;
    params.normalise = normalises(format) ? 1 : 0;
    params.plane = std::int64_t{problem.h} * problem.w;
    params.image = params.plane * problem.c;
    params.channels = fast_division(problem.c);
    std::ranges::copy(format.mean, params.mean);
    std::ranges::copy(format.scale, params.scale);
    const std::int64_t units = problem.n * params.image;
    return make_layer(LayerOp::preprocess, problem.dtype, params,
                      {.n = problem.n,
                       .units = units,
                       .units_per_cta = kLayerThreads * piece_width(problem.dtype)},
                      layer_cost(double(units) * (double(pixel_bytes(format.type)) +
                                                  double(size_of(problem.dtype))),
                                 2 * double(units)));
  });
}

}  // namespace foldconv::host
