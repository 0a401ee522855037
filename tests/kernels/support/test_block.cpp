#include "kernels/support/test_block.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace foldconv::kernel_tests {
namespace {

template <class T>
T checked_value(Result<T> result) {
  if (!result.ok()) throw std::runtime_error(result.status().message());
  return std::move(result).value();
}

std::size_t bytes_of(const Shape& shape, DataType dtype) {
  return static_cast<std::size_t>(shape.elements()) * size_of(dtype);
}

reference::RawConv raw(DataType dtype, const Shape& x, int k, int r, int groups, std::uint64_t seed,
                       bool integers) {
  const ConvProblem problem{.dtype = dtype,
                            .n = x.n,
                            .h = x.h,
                            .w = x.w,
                            .c = x.c,
                            .k = k,
                            .r = r,
                            .s = r,
                            .pad = {r / 2, r / 2, r / 2, r / 2},
                            .groups = groups};
  return reference::make_raw(problem,
                             {.conv_bias = seed % 2 == 0, .integers = integers, .seed = seed});
}

int strided(int size, int stride) {
  return (size - 1) / stride + 1;
}

}  // namespace

std::vector<std::byte> run_block(const BlockPlan& plan, DataType dtype,
                                 const std::vector<std::byte>& content, Guards guards) {
  const DeviceBuffer x(content, guards), y(bytes_of(plan.output(), dtype), guards),
      workspace(plan.workspace_bytes(), guards);
  const Status status =
      plan.run({.x = x.data(),
                .y = y.data(),
                .workspace = plan.workspace_bytes() > 0 ? workspace.data() : nullptr,
                .workspace_bytes = plan.workspace_bytes()});
  if (!status.ok()) throw std::runtime_error(status.message());
  check(cudaDeviceSynchronize(), "run");
  EXPECT_EQ(x.download(), content) << "the input changed";
  return y.download();
}

TestBlock::TestBlock(const BlockShape& shape, DataType dtype, const BlockDataOptions& options)
    : shape_(shape), dtype_(dtype) {
  const Shape x{shape.n, shape.h, shape.w, shape.c};
  const std::uint64_t seed = options.seed * 10;
  const bool integers = options.integers;
  conv1_ = raw(dtype, x, shape.middle, 1, 1, seed + 1, integers);
  conv2_ = raw(dtype, middle_shape(1), shape.middle, 3, shape.groups, seed + 2, integers);
  conv3_ = raw(dtype, middle_shape(2), shape.k, 1, 1, seed + 3, integers);
  downsample_ = raw(dtype, x, shape.k, 1, 1, seed + 4, integers);
}

Shape TestBlock::middle_shape(int index) const {
  const bool shrunk = index == 2 || shape_.stride_at == StrideAt::conv1;
  const int stride = shrunk ? shape_.stride : 1;
  return {shape_.n, strided(shape_.h, stride), strided(shape_.w, stride), shape_.middle};
}

BlockLayer TestBlock::layer(const reference::RawConv& data, int k, int c_per_group, int r) const {
  return {{.values = data.weights,
           .k = k,
           .c_per_group = c_per_group,
           .r = r,
           .s = r,
           .bias = data.conv_bias},
          BatchNorm{.gamma = data.gamma,
                    .beta = data.beta,
                    .mean = data.mean,
                    .variance = data.variance,
                    .eps = Epsilon{data.eps}}};
}

BottleneckWeights TestBlock::weights() const {
  BottleneckWeights weights{.conv1 = layer(conv1_, shape_.middle, shape_.c, 1),
                            .conv2 = layer(conv2_, shape_.middle, shape_.middle / shape_.groups, 3),
                            .conv3 = layer(conv3_, shape_.k, shape_.middle, 1)};
  if (shape_.downsample) weights.downsample = layer(downsample_, shape_.k, shape_.c, 1);
  weights.stride = shape_.stride;
  weights.stride_at = shape_.stride_at;
  weights.groups = shape_.groups;
  weights.inner = shape_.inner;
  weights.last = shape_.last;
  weights.alpha = shape_.alpha;
  return weights;
}

Bottleneck TestBlock::create() const {
  return checked_value(Bottleneck::create(weights(), {.dtype = dtype_}));
}

FoldedConv TestBlock::fold_step(const BlockLayer& step) const {
  return checked_value(fold(step.conv, step.batch_norm, {.dtype = dtype_}));
}

std::vector<std::byte> TestBlock::run_step(const FoldedConv& folded, ConvProblem problem,
                                           const std::vector<std::byte>& x,
                                           const std::vector<std::byte>* residual) const {
  problem.dtype = dtype_;
  problem.residual = residual != nullptr;
  const ConvPlan plan = checked_value(checked_value(Conv::create(folded)).plan(problem));
  const DeviceBuffer in(x), y(bytes_of(problem.output(), dtype_)),
      z(residual != nullptr ? *residual : std::vector<std::byte>(16));
  const Status status = plan.run(
      {.x = in.data(), .residual = residual != nullptr ? z.data() : nullptr, .y = y.data()});
  if (!status.ok()) throw std::runtime_error(status.message());
  check(cudaDeviceSynchronize(), "run");
  return y.download();
}

std::vector<std::byte> TestBlock::t2() const {
  const BottleneckWeights w = weights();
  const int first = shape_.stride_at == StrideAt::conv1 ? shape_.stride : 1;
  const int second = shape_.stride / first;
  const auto t1 = run_step(fold_step(w.conv1),
                           {.n = shape_.n,
                            .h = shape_.h,
                            .w = shape_.w,
                            .c = shape_.c,
                            .k = shape_.middle,
                            .stride = {first, first},
                            .activation = shape_.inner,
                            .alpha = shape_.alpha},
                           input(), nullptr);
  const Shape s1 = middle_shape(1);
  return run_step(fold_step(w.conv2),
                  {.n = s1.n,
                   .h = s1.h,
                   .w = s1.w,
                   .c = s1.c,
                   .k = shape_.middle,
                   .r = 3,
                   .s = 3,
                   .stride = {second, second},
                   .pad = {1, 1, 1, 1},
                   .groups = shape_.groups,
                   .activation = shape_.inner,
                   .alpha = shape_.alpha},
                  t1, nullptr);
}

std::vector<std::byte> TestBlock::run_by_hand(Projection projection) const {
  if (shape_.downsample && projection == Projection::joined) {
    const JoinedConv joined = join();
    return run_step(joined.folded, joined.problem, reference::encode(dtype_, joined.x), nullptr);
  }
  const BottleneckWeights w = weights();
  auto shortcut = input();
  if (shape_.downsample) {
    shortcut = run_step(fold_step(*w.downsample),
                        {.n = shape_.n,
                         .h = shape_.h,
                         .w = shape_.w,
                         .c = shape_.c,
                         .k = shape_.k,
                         .stride = {shape_.stride, shape_.stride}},
                        shortcut, nullptr);
  }
  const Shape s2 = middle_shape(2);
  return run_step(fold_step(w.conv3),
                  {.n = s2.n,
                   .h = s2.h,
                   .w = s2.w,
                   .c = s2.c,
                   .k = shape_.k,
                   .activation = shape_.last,
                   .alpha = shape_.alpha},
                  t2(), &shortcut);
}

// Both tensors filled up with zeros to whole slices of K, where the kernels take up the second one.
TestBlock::JoinedConv TestBlock::join() const {
  const BottleneckWeights w = weights();
  const FoldOptions options{.dtype = dtype_, .placement = ScalePlacement::weights};
  const FoldedConv last = checked_value(fold(w.conv3.conv, w.conv3.batch_norm, options));
  const FoldedConv side =
      checked_value(fold(w.downsample->conv, w.downsample->batch_norm, options));
  const auto filled_up = [](int channels) { return (channels + 63) / 64 * 64; };
  const int c = shape_.c, m = shape_.middle, k = shape_.k;
  const int first_width = filled_up(m), width = first_width + filled_up(c);
  const Shape s2 = middle_shape(2);

  std::vector<float> x(static_cast<std::size_t>(s2.n * s2.h * s2.w * width));
  const auto middle = reference::decode(dtype_, t2());
  auto row = x.begin();
  for (int image = 0; image < s2.n; ++image) {
    for (int h = 0; h < s2.h; ++h) {
      for (int column = 0; column < s2.w; ++column, row += width) {
        const auto* t =
            middle.data() + ((static_cast<std::ptrdiff_t>(image) * s2.h + h) * s2.w + column) * m;
        const auto* second =
            conv1_.x.data() +
            ((static_cast<std::ptrdiff_t>(image) * shape_.h + h * shape_.stride) * shape_.w +
             column * shape_.stride) *
                c;
        std::copy(t, t + m, row);
        std::copy(second, second + c, row + first_width);
      }
    }
  }
  std::vector<float> matrix(static_cast<std::size_t>(k * width)), bias;
  for (int i = 0; i < k; ++i) {
    const auto from = matrix.begin() + std::ptrdiff_t{i} * width;
    std::copy_n(last.weights().begin() + std::ptrdiff_t{i} * m, m, from);
    std::copy_n(side.weights().begin() + std::ptrdiff_t{i} * c, c, from + first_width);
    bias.push_back(last.bias()[static_cast<std::size_t>(i)] +
                   side.bias()[static_cast<std::size_t>(i)]);
  }
  // Exact already: folding without BatchNorm changes nothing.
  FoldedConv folded = checked_value(
      fold({.values = matrix, .k = k, .c_per_group = width, .bias = bias}, {}, options));
  return {std::move(folded),
          {.dtype = dtype_,
           .n = s2.n,
           .h = s2.h,
           .w = s2.w,
           .c = width,
           .k = k,
           .activation = shape_.last,
           .alpha = shape_.alpha},
          std::move(x)};
}

reference::Expected TestBlock::expect_projection() const {
  const JoinedConv joined = join();
  const auto copy = [](const auto& values) {
    return std::vector<float>(values.begin(), values.end());
  };
  const FoldedConv& folded = joined.folded;
  return reference::conv(joined.problem, {.x = joined.x,
                                          .weights = copy(folded.weights()),
                                          .scale = copy(folded.scale()),
                                          .bias = copy(folded.bias()),
                                          .residual = {}});
}

}  // namespace foldconv::kernel_tests
