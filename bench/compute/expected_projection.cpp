#include "compute/expected_projection.hpp"

#include <cstddef>

#include "foldconv/fold.hpp"

namespace foldconv::tool {
namespace {

constexpr int kSlice = 64;  // channels that the kernels sum before they go on to the next

// t fills whole slices before x begins; zeros add nothing.
int channels_before_x(int t_channels) {
  return (t_channels + kSlice - 1) / kSlice * kSlice;
}

// [t | x] at each output pixel.
std::vector<float> side_by_side(const ConvProblem& last, const ConvProblem& downsample, int images,
                                const std::vector<float>& t, const std::vector<float>& x) {
  const auto t_channels = static_cast<std::size_t>(last.c);
  const auto x_channels = static_cast<std::size_t>(downsample.c);
  const auto filler = static_cast<std::size_t>(channels_before_x(last.c)) - t_channels;
  std::vector<float> both;
  auto t_pixel = t.begin();
  for (int n = 0; n < images; ++n) {
    for (int h = 0; h < last.h; ++h) {
      for (int w = 0; w < last.w; ++w) {
        const std::ptrdiff_t row = std::ptrdiff_t{n} * downsample.h + h * downsample.stride.h;
        const std::ptrdiff_t pixel = row * downsample.w + w * downsample.stride.w;
        const auto x_pixel = x.begin() + pixel * downsample.c;
        both.insert(both.end(), t_pixel, t_pixel + static_cast<std::ptrdiff_t>(t_channels));
        both.insert(both.end(), filler, 0.0f);
        both.insert(both.end(), x_pixel, x_pixel + static_cast<std::ptrdiff_t>(x_channels));
        t_pixel += static_cast<std::ptrdiff_t>(t_channels);
      }
    }
  }
  return both;
}

}  // namespace

Result<oracle::Expected> expected_projection(const BlockConvs& convs, int images,
                                             const std::vector<float>& t,
                                             const std::vector<float>& x) {
  const BlockConv& last = convs.line.back();
  const BlockConv& downsample = *convs.downsample;
  const FoldOptions options{.dtype = last.problem.dtype, .placement = ScalePlacement::weights};
  const Result<FoldedConv> a = fold(last.layer->conv, last.layer->batch_norm, options);
  if (!a) return a.status();
  const Result<FoldedConv> b = fold(downsample.layer->conv, downsample.layer->batch_norm, options);
  if (!b) return b.status();

  ConvProblem problem = last.problem;
  problem.n = images;
  problem.c = channels_before_x(last.problem.c) + downsample.problem.c;
  problem.residual = false;
  oracle::ConvInputs inputs{.x = side_by_side(last.problem, downsample.problem, images, t, x),
                            .weights = {},
                            .scale = std::vector<float>(static_cast<std::size_t>(problem.k), 1.0f),
                            .bias = {},
                            .residual = {}};
  const auto filler = static_cast<std::size_t>(channels_before_x(last.problem.c) - last.problem.c);
  const auto row_of = [](const FoldedConv& folded, std::size_t k) {
    const auto width = static_cast<std::size_t>(folded.c_per_group());
    return folded.weights().subspan(k * width, width);
  };
  for (std::size_t k = 0; k < static_cast<std::size_t>(problem.k); ++k) {
    const auto t_row = row_of(*a, k), x_row = row_of(*b, k);
    inputs.weights.insert(inputs.weights.end(), t_row.begin(), t_row.end());
    inputs.weights.insert(inputs.weights.end(), filler, 0.0f);
    inputs.weights.insert(inputs.weights.end(), x_row.begin(), x_row.end());
    inputs.bias.push_back(a->bias()[k] + b->bias()[k]);
  }
  return oracle::conv(problem, inputs);
}

}  // namespace foldconv::tool
