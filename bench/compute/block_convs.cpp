#include "compute/block_convs.hpp"

namespace foldconv::tool {
namespace {

// Appends convolutions, each reading what the one before it wrote.
class Line {
 public:
  Line(DataType dtype, const Shape& x, float alpha) : dtype_(dtype), x_(x), alpha_(alpha) {}

  void add(const char* name, const BlockLayer& layer, int stride, int groups,
           Activation activation) {
    convs_.line.push_back(conv(name, layer, at(), stride, groups, activation));
  }
  void add_downsample(const std::optional<BlockLayer>& layer, int stride) {
    if (layer) convs_.downsample = conv("downsample", *layer, x_, stride, 1, Activation::none);
  }
  BlockConvs finish() {
    convs_.line.back().problem.residual = true;
    return std::move(convs_);
  }

 private:
  Shape at() const { return convs_.line.empty() ? x_ : convs_.output(); }

  BlockConv conv(const char* name, const BlockLayer& layer, const Shape& x, int stride, int groups,
                 Activation activation) const {
    const int r = layer.conv.r, pad = r / 2;
    return {name, &layer,
            ConvProblem{.dtype = dtype_,
                        .n = x.n,
                        .h = x.h,
                        .w = x.w,
                        .c = x.c,
                        .k = layer.conv.k,
                        .r = r,
                        .s = r,
                        .stride = {stride, stride},
                        .pad = {pad, pad, pad, pad},
                        .groups = groups,
                        .activation = activation,
                        .alpha = alpha_}};
  }

  DataType dtype_;
  Shape x_;
  float alpha_;
  BlockConvs convs_;
};

BlockConvs convs_of_kind(const BottleneckWeights& weights, DataType dtype, const Shape& x) {
  const bool first = weights.stride_at == StrideAt::conv1;
  Line line(dtype, x, weights.alpha);
  line.add("conv1", weights.conv1, first ? weights.stride : 1, 1, weights.inner);
  line.add("conv2", weights.conv2, first ? 1 : weights.stride, weights.groups, weights.inner);
  line.add("conv3", weights.conv3, 1, 1, weights.last);
  line.add_downsample(weights.downsample, weights.stride);
  return line.finish();
}

BlockConvs convs_of_kind(const BasicBlockWeights& weights, DataType dtype, const Shape& x) {
  Line line(dtype, x, weights.alpha);
  line.add("conv1", weights.conv1, weights.stride, 1, weights.inner);
  line.add("conv2", weights.conv2, 1, 1, weights.last);
  line.add_downsample(weights.downsample, weights.stride);
  return line.finish();
}

}  // namespace

double BlockConvs::flops() const {
  double sum = downsample ? downsample->problem.flops() : 0;
  for (const BlockConv& conv : line) sum += conv.problem.flops();
  return sum;
}

double BlockConvs::weight_elements() const {
  std::size_t sum = downsample ? downsample->layer->conv.values.size() : 0;
  for (const BlockConv& conv : line) sum += conv.layer->conv.values.size();
  return static_cast<double>(sum);
}

BlockConvs convs_of(const BlockWeights& weights, DataType dtype, const Shape& x) {
  return std::visit([&](const auto& kind) { return convs_of_kind(kind, dtype, x); }, weights);
}

}  // namespace foldconv::tool
