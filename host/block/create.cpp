// Bottleneck and BasicBlock: wiring, folding, weights to the device.
#include <algorithm>
#include <utility>

#include "base/enum_checks.hpp"
#include "base/error.hpp"
#include "base/text.hpp"
#include "block/data.hpp"
#include "conv/conv_data.hpp"
#include "fold/folded_conv.hpp"
#include "tile/weight_layout.hpp"

namespace foldconv {
namespace {

using host::at;
using host::BlockStep;
using host::guarded;
using host::invalid;
using host::text;

// What a layer has to look like to stand where it stands.
struct Place {
  const char* name;
  int r;
  int stride;
  int groups = 1;
};

Status check_layer(const BlockLayer& layer, const Place& place, int c) {
  const ConvWeights& conv = layer.conv;
  if (conv.r != place.r || conv.s != place.r) {
    return invalid(text(place.name, " has another filter than its place in the block"),
                   text(conv.r, "x", conv.s), text("give weights of ", place.r, "x", place.r));
  }
  if (place.groups < 1) {
    return invalid("groups below 1", text("groups = ", place.groups), "set groups to 1 or more");
  }
  if (std::int64_t{conv.c_per_group} * place.groups != c) {
    return invalid(text("the widths of the block do not chain at ", place.name),
                   text("it takes ", std::int64_t{conv.c_per_group} * place.groups,
                        " channels, its input has ", c),
                   text("give weights of ", c, " input channels over ", place.groups, " groups"));
  }
  if (conv.k % place.groups != 0) {
    return invalid(text("the groups do not divide the output of ", place.name),
                   text("k = ", conv.k, ", groups = ", place.groups),
                   text("give a multiple of ", place.groups, " output channels"));
  }
  return {};
}

Result<BlockStep> make_step(const BlockLayer& layer, const Place& place, int c,
                            const FoldOptions& options) {
  if (Status status = check_layer(layer, place, c); !status.ok()) return status;
  const Result<FoldedConv> folded = fold(layer.conv, layer.batch_norm, options);
  if (!folded.ok()) return at(place.name, folded.status());
  Result<Conv> conv = Conv::create(*folded);
  if (!conv.ok()) return at(place.name, conv.status());
  return BlockStep{place.name, std::move(*conv), c,           layer.conv.k,
                   place.r,    place.stride,     place.groups};
}

// The same convolution with zero weights for `k` output and `c` input channels.
FoldedConv filled_up(const FoldedConv& conv, int k, int c) {
  auto data = std::make_shared<FoldedConv::Data>();
  data->dtype = conv.dtype();
  data->r = conv.r();
  data->s = conv.s();
  data->scale.assign(conv.scale().begin(), conv.scale().end());
  data->bias.assign(conv.bias().begin(), conv.bias().end());
  const auto taps = std::size_t(conv.r()) * std::size_t(conv.s());
  const auto row = std::size_t(conv.c_per_group()) * taps;
  data->k = k;
  data->c_per_group = c;
  data->weights.assign(std::size_t(k) * std::size_t(c) * taps, 0.0f);
  for (int i = 0; i < conv.k(); ++i) {
    const auto from = conv.weights().subspan(std::size_t(i) * row, row);
    std::ranges::copy(
        from, data->weights.begin() + std::ptrdiff_t(std::size_t(i) * std::size_t(c) * taps));
  }
  data->scale.resize(std::size_t(k), 1.0f);
  data->bias.resize(std::size_t(k), 0.0f);
  return FoldedConv(std::move(data));
}

int whole_slices(int channels) {
  return WeightLayout{channels, 1}.slices() * kSliceWidth;
}

// [w3 | wd] with one bias. The two have scales of their own, so both must be folded into the
// weights.
Result<Conv> join(const BlockLayer& last, const BlockLayer& downsample, FoldOptions options) {
  options.placement = ScalePlacement::weights;
  const Result<FoldedConv> a = fold(last.conv, last.batch_norm, options);
  if (!a.ok()) return a.status();
  const Result<FoldedConv> b = fold(downsample.conv, downsample.batch_norm, options);
  if (!b.ok()) return b.status();
  const FoldedConv parts[] = {filled_up(*a, a->k(), whole_slices(a->c_per_group())),
                              filled_up(*b, b->k(), whole_slices(b->c_per_group()))};
  auto data = std::make_shared<FoldedConv::Data>();
  data->dtype = options.dtype;
  data->k = a->k();
  data->c_per_group = parts[0].c_per_group() + parts[1].c_per_group();
  data->r = data->s = 1;
  data->scale.assign(std::size_t(data->k), 1.0f);
  for (std::size_t k = 0; k < std::size_t(data->k); ++k) {
    for (const FoldedConv& part : parts) {
      const auto width = std::size_t(part.c_per_group());
      const auto row = part.weights().subspan(k * width, width);
      data->weights.insert(data->weights.end(), row.begin(), row.end());
    }
    data->bias.push_back(a->bias()[k] + b->bias()[k]);
  }
  return Conv::create(FoldedConv(std::move(data)));
}

Status join_downsample(Block::Data& block, const BlockLayer& last, const BlockLayer& downsample,
                       const FoldOptions& options) {
  if (!block.bottleneck()) {
    block.why_not_joined = "the last convolution is no 1x1";
  } else if (size_of(block.dtype) != 2) {
    block.why_not_joined = text("takes f16 and bf16: the block is ", to_string(block.dtype));
  } else if (block.c() % 8 != 0 || block.steps.back().c % 8 != 0) {
    block.why_not_joined = text("copies 16 bytes at a time: the block has ", block.c(), " and ",
                                block.steps.back().c, " channels");
  } else if (Result<Conv> joined = join(last, downsample, options); joined.ok()) {
    block.joined = std::move(*joined);
  } else if (joined.status().code() == ErrorCode::cuda_error) {
    return joined.status();
  } else {
    block.why_not_joined =
        text("the scales cannot be folded into the weights: ", joined.status().message());
  }
  return {};
}

// A narrow middle tensor takes the place of one of kSliceWidth channels where zeros change no sum:
// where an mma's 16 products never span two taps.
Status widen(Block::Data& block, const BlockLayer& conv1, const BlockLayer& conv2,
             const FoldOptions& options) {
  const int c = conv2.conv.c_per_group, k = conv2.conv.k;
  const bool fits = c <= kSliceWidth && k <= kSliceWidth && c % 16 == 0;
  if (!fits || (c == kSliceWidth && k == kSliceWidth) || block.steps[1].groups != 1) return {};
  const Result<FoldedConv> first = fold(conv1.conv, conv1.batch_norm, options);
  if (!first.ok()) return first.status();
  const Result<FoldedConv> second = fold(conv2.conv, conv2.batch_norm, options);
  if (!second.ok()) return second.status();
  Result<Conv> wide1 = Conv::create(filled_up(*first, kSliceWidth, first->c_per_group()));
  if (!wide1.ok()) return wide1.status();
  Result<Conv> wide2 = Conv::create(filled_up(*second, kSliceWidth, kSliceWidth));
  if (!wide2.ok()) return wide2.status();
  block.widened = host::WidenedMiddle{std::move(*wide1), std::move(*wide2)};
  return {};
}

struct Wiring {
  std::vector<std::pair<const BlockLayer*, Place>> layers;
  const std::optional<BlockLayer>* downsample;
  int stride;
  Activation inner, last;
  float alpha;
};

Result<std::shared_ptr<const Block::Data>> create(const Wiring& wiring,
                                                  const FoldOptions& options) {
  for (const Activation activation : {wiring.inner, wiring.last}) {
    if (Status status = host::check_activation(activation, wiring.alpha); !status.ok())
      return status;
  }
  if (wiring.stride != 1 && wiring.stride != 2) {
    return invalid("the block's stride is neither 1 nor 2", text("stride = ", wiring.stride),
                   "set it to 1 or 2");
  }
  const Result<int> device = host::current_device();
  if (!device.ok()) return device.status();
  auto data = std::make_shared<Block::Data>(Block::Data{
      options.dtype, *device, wiring.inner, wiring.last, wiring.alpha, {}, {}, {}, {}, {}});

  const auto& [first_layer, first_place] = wiring.layers.front();
  const std::int64_t c = std::int64_t{first_layer->conv.c_per_group} * first_place.groups;
  int width = static_cast<int>(c);
  for (const auto& [layer, place] : wiring.layers) {
    Result<BlockStep> step = make_step(*layer, place, width, options);
    if (!step.ok()) return step.status();
    width = step->k;
    data->steps.push_back(std::move(*step));
  }

  if (data->bottleneck() && size_of(options.dtype) == 2) {
    if (Status status = widen(*data, *wiring.layers[0].first, *wiring.layers[1].first, options);
        !status.ok()) {
      return status;
    }
  }

  const std::optional<BlockLayer>& downsample = *wiring.downsample;
  if (!downsample) {
    if (wiring.stride == 1 && data->c() == data->k())
      return std::shared_ptr<const Block::Data>(std::move(data));
    return invalid("x and y differ in shape, and there is no downsample to make the shortcut fit",
                   text("stride = ", wiring.stride, ", channels ", data->c(), " -> ", data->k()),
                   text("give a downsample of 1x1, ", data->c(), " -> ", data->k(), " channels"));
  }
  if (downsample->conv.k != data->k()) {
    return invalid("the downsample's output does not fit the block's",
                   text(downsample->conv.k, " channels, the block has ", data->k()),
                   text("give a downsample of ", data->k(), " output channels"));
  }
  Result<BlockStep> step =
      make_step(*downsample, {"downsample", 1, wiring.stride}, data->c(), options);
  if (!step.ok()) return step.status();
  data->downsample = std::move(*step);
  if (Status status = join_downsample(*data, *wiring.layers.back().first, *downsample, options);
      !status.ok()) {
    return status;
  }
  return std::shared_ptr<const Block::Data>(std::move(data));
}

}  // namespace

Result<Bottleneck> Bottleneck::create(const BottleneckWeights& weights,
                                      const FoldOptions& options) {
  return guarded([&]() -> Result<Bottleneck> {
    const bool first = weights.stride_at == StrideAt::conv1;
    if (!first && weights.stride_at != StrideAt::conv2) {
      return invalid("unknown place of the stride",
                     text("static_cast<StrideAt>(", int(weights.stride_at), ")"),
                     "use StrideAt::conv1 or StrideAt::conv2");
    }
    auto data = foldconv::create(
        {{{&weights.conv1, {"conv1", 1, first ? weights.stride : 1}},
          {&weights.conv2, {"conv2", 3, first ? 1 : weights.stride, weights.groups}},
          {&weights.conv3, {"conv3", 1, 1}}},
         &weights.downsample,
         weights.stride,
         weights.inner,
         weights.last,
         weights.alpha},
        options);
    if (!data.ok()) return data.status();
    return Bottleneck(std::move(*data));
  });
}

Result<BasicBlock> BasicBlock::create(const BasicBlockWeights& weights,
                                      const FoldOptions& options) {
  return guarded([&]() -> Result<BasicBlock> {
    auto data = foldconv::create(
        {{{&weights.conv1, {"conv1", 3, weights.stride}}, {&weights.conv2, {"conv2", 3, 1}}},
         &weights.downsample,
         weights.stride,
         weights.inner,
         weights.last,
         weights.alpha},
        options);
    if (!data.ok()) return data.status();
    return BasicBlock(std::move(*data));
  });
}

}  // namespace foldconv
