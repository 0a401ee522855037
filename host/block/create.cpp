// SPDX-License-Identifier: MIT
// Block::create: wiring, folding, weights to the device.
#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "base/device.hpp"
#include "base/enum_checks.hpp"
#include "base/error.hpp"
#include "base/text.hpp"
#include "block/data.hpp"
#include "block/rules.hpp"
#include "conv/conv_data.hpp"
#include "cost/device_speed.hpp"
#include "fold/combine.hpp"
#include "tile/weight_layout.hpp"

namespace foldconv {
namespace {

using host::at;
using host::BlockData;
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
  Padding pad = Padding::same(r / 2);
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

// A convolution at its place, folded, not yet on the device.
struct FoldedStep {
  const BlockLayer* layer;
  Place place;
  int c;
  FoldedConv folded;

  int k() const { return folded.k(); }
};

Result<FoldedStep> fold_step(const BlockLayer& layer, const Place& place, int c,
                             const FoldOptions& options) {
  if (Status status = check_layer(layer, place, c); !status.ok()) return status;
  Result<FoldedConv> folded = fold(layer.conv, layer.batch_norm, options);
  if (!folded.ok()) return at(place.name, folded.status());
  return FoldedStep{&layer, place, c, *folded};
}

Result<Conv> upload(const char* name, const FoldedConv& folded) {
  Result<Conv> conv = Conv::create(folded);
  if (!conv.ok()) return at(name, conv.status());
  return conv;
}

BlockStep without_weights(const FoldedStep& step) {
  const Place& place = step.place;
  return {place.name, step.c, step.k(), place.r, place.stride, place.groups, {}, place.pad};
}

// Whether all of the layer's scale belongs into the epilogue, so that its stored weights stay the
// given ones.
bool keeps_scale(const FoldedStep& step, const FoldOptions& options) {
  if (!step.layer->batch_norm || options.placement == ScalePlacement::weights) return false;
  return options.placement == ScalePlacement::epilogue || step.folded.report().weights_exact;
}

// Why [w3 | wd] cannot be one matrix, whatever the weights are; "" if it can.
std::string joining_rule(const std::vector<FoldedStep>& steps, const FoldedStep& downsample,
                         const FoldOptions& options) {
  if (steps.size() != 3) return "the last convolution is no 1x1";
  if (size_of(options.dtype) != 2)
    return text("takes f16 and bf16: the block is ", to_string(options.dtype));
  if (downsample.c % 8 != 0 || steps.back().c % 8 != 0) {
    return text("copies 16 bytes at a time: the block has ", downsample.c, " and ", steps.back().c,
                " channels");
  }
  for (const FoldedStep* step : {&steps.back(), &downsample}) {
    if (!keeps_scale(*step, options)) continue;
    return text("the scale of ", step->place.name, " stays in the epilogue: ",
                options.placement == ScalePlacement::epilogue
                    ? "FoldOptions::placement asks for it"
                    : "its weights are 16-bit already, and would be rounded again");
  }
  return {};
}

// The layer with its scale in the weights of every channel.
Result<FoldedConv> scale_in_weights(const FoldedStep& step, FoldOptions options) {
  if (step.folded.report().channels_scaled_in_epilogue == 0) return step.folded;
  options.placement = ScalePlacement::weights;
  return fold(step.layer->conv, step.layer->batch_norm, options);
}

// Nothing where the two cannot be joined: then says why in `shortcut`. Errors: all others.
Result<std::optional<FoldedConv>> join(const std::vector<FoldedStep>& steps,
                                       const FoldedStep& downsample, const FoldOptions& options,
                                       BlockShortcut& shortcut) {
  shortcut = {BlockShortcut::Kind::convolution, joining_rule(steps, downsample, options)};
  if (!shortcut.reason.empty()) return std::optional<FoldedConv>();
  const FoldedStep* sides[] = {&steps.back(), &downsample};
  std::vector<FoldedConv> folded;
  int moved = 0;
  for (const FoldedStep* step : sides) {
    Result<FoldedConv> side = scale_in_weights(*step, options);
    if (!side.ok() && side.status().code() != ErrorCode::invalid_argument) return side.status();
    if (!side.ok()) {
      shortcut.reason = text("the scales cannot be folded into the weights of ", step->place.name,
                             ": ", side.status().message());
      return std::optional<FoldedConv>();
    }
    moved += step->folded.report().channels_scaled_in_epilogue;
    folded.push_back(std::move(*side));
  }
  shortcut.kind = BlockShortcut::Kind::joined;
  if (moved > 0) {
    shortcut.reason = text("the scales of ", moved,
                           " channels are in the weights, though they leave the normal range of ",
                           to_string(options.dtype), " there");
  }
  return std::optional<FoldedConv>(host::joined(folded[0], folded[1]));
}

// Whether the whole kernel takes the block, and reads a wider middle tensor than the block has.
bool is_widened(const BlockData& block) {
  if (!host::whole_rule(block).empty()) return false;
  return block.steps[1].c < kSliceWidth || block.steps[1].k < kSliceWidth;
}

Result<host::WidenedMiddle> widen(const FoldedConv& conv1, const FoldedConv& conv2) {
  Result<Conv> wide1 = upload("conv1", host::filled_up(conv1, kSliceWidth, conv1.c_per_group()));
  if (!wide1.ok()) return wide1.status();
  Result<Conv> wide2 = upload("conv2", host::filled_up(conv2, kSliceWidth, kSliceWidth));
  if (!wide2.ok()) return wide2.status();
  return host::WidenedMiddle{*wide1, *wide2};
}

struct Wiring {
  std::vector<std::pair<const BlockLayer*, Place>> layers;
  const std::optional<BlockLayer>* downsample;  // null: an inverted block
  int stride;
  Activation inner, last;
  bool residual = true;

  bool inverted() const { return downsample == nullptr; }
};

// The block's downsample, if it has one; c and k: channels of its x and y.
Status fold_downsample(const Wiring& wiring, const FoldOptions& options, int c, int k,
                       std::optional<FoldedStep>& downsample) {
  if (wiring.inverted()) return {};  // create() has checked its residual
  const std::optional<BlockLayer>& layer = *wiring.downsample;
  if (!layer) {
    if (wiring.stride == 1 && c == k) return {};
    return invalid("x and y differ in shape, and there is no downsample to make the shortcut fit",
                   text("stride = ", wiring.stride, ", channels ", c, " -> ", k),
                   text("give a downsample of 1x1, ", c, " -> ", k, " channels"));
  }
  if (layer->conv.k != k) {
    return invalid("the downsample's output does not fit the block's",
                   text(layer->conv.k, " channels, the block has ", k),
                   text("give a downsample of ", k, " output channels"));
  }
  Result<FoldedStep> step = fold_step(*layer, {"downsample", 1, wiring.stride}, c, options);
  if (!step.ok()) return step.status();
  downsample = std::move(*step);
  return {};
}

Result<std::shared_ptr<const BlockData>> create_data(const Wiring& wiring,
                                                     const FoldOptions& options) {
  for (const Activation& activation : {wiring.inner, wiring.last}) {
    if (Status status = host::check_activation(activation); !status.ok()) return status;
  }
  if (wiring.stride != 1 && wiring.stride != 2) {
    return invalid("the block's stride is neither 1 nor 2", text("stride = ", wiring.stride),
                   "set it to 1 or 2");
  }
  const Result<int> device = host::current_device();
  if (!device.ok()) return device.status();
  // Asked for here, not in plan(): clocks are read over PCIe (NVIDIA, "The Fast Way to Query Device
  // Properties", 2019).
  const Result<host::DeviceFigures> figures = host::device_figures(*device);
  if (!figures.ok()) return figures.status();
  const Result<DeviceSpeed> speed = host::device_speed(*device, *figures);
  if (!speed.ok()) return speed.status();
  std::vector<FoldedStep> steps;
  const auto& [first_layer, first_place] = wiring.layers.front();
  const std::int64_t c = std::int64_t{first_layer->conv.c_per_group} * first_place.groups;
  int width = static_cast<int>(c);
  for (const auto& [layer, place] : wiring.layers) {
    Result<FoldedStep> step = fold_step(*layer, place, width, options);
    if (!step.ok()) return step.status();
    width = step->k();
    steps.push_back(std::move(*step));
  }
  std::optional<FoldedStep> downsample;
  if (Status status = fold_downsample(wiring, options, static_cast<int>(c), width, downsample);
      !status.ok()) {
    return status;
  }

  auto data = std::make_shared<BlockData>(BlockData{options.dtype,
                                                    *device,
                                                    *figures,
                                                    *speed,
                                                    wiring.inner,
                                                    wiring.last,
                                                    {},
                                                    {},
                                                    {},
                                                    {},
                                                    {},
                                                    wiring.inverted(),
                                                    wiring.residual});
  if (!wiring.residual) data->shortcut.kind = BlockShortcut::Kind::none;
  std::optional<FoldedConv> joined;
  if (downsample) {
    Result<std::optional<FoldedConv>> result = join(steps, *downsample, options, data->shortcut);
    if (!result.ok()) return result.status();
    joined = std::move(*result);
  }

  // Only what some kernel reads goes to the device.
  const auto add = [&](const FoldedStep& step, bool read) -> Result<BlockStep> {
    BlockStep made = without_weights(step);
    if (!read) return made;
    Result<Conv> conv = upload(step.place.name, step.folded);
    if (!conv.ok()) return conv.status();
    made.conv = std::move(*conv);
    return made;
  };
  for (const FoldedStep& step : steps) {
    Result<BlockStep> made = add(step, !joined || &step != &steps.back());
    if (!made.ok()) return made.status();
    data->steps.push_back(std::move(*made));
  }
  if (downsample) {
    Result<BlockStep> made = add(*downsample, !joined);
    if (!made.ok()) return made.status();
    data->downsample = std::move(*made);
  }
  if (joined) {
    Result<Conv> conv = upload("conv3 and downsample", *joined);
    if (!conv.ok()) return conv.status();
    data->joined = std::move(*conv);
  }
  if (is_widened(*data)) {
    Result<host::WidenedMiddle> widened = widen(steps[0].folded, steps[1].folded);
    if (!widened.ok()) return widened.status();
    data->widened = std::move(*widened);
  }
  return std::shared_ptr<const BlockData>(std::move(data));
}

// The depthwise convolution's own wiring, and what a residual asks for.
Status check_inverted(const InvertedBlockWeights& weights, const Padding& pad) {
  const ConvWeights& depthwise = weights.depthwise.conv;
  if (depthwise.c_per_group != 1) {
    return invalid("depthwise has more than a channel a group",
                   text("c_per_group = ", depthwise.c_per_group), "give weights of c_per_group 1");
  }
  if (depthwise.r != depthwise.s || depthwise.r < 1) {
    return invalid("depthwise has no square filter", text(depthwise.r, "x", depthwise.s),
                   "give weights of 3x3 or 5x5");
  }
  if (!weights.residual) return {};
  const int c = weights.expand ? weights.expand->conv.c_per_group : depthwise.k;
  if (weights.stride != 1 || c != weights.project.conv.k) {
    return invalid(
        "x and y differ in shape, and x is to be added",
        text("stride = ", weights.stride, ", channels ", c, " -> ", weights.project.conv.k),
        "use stride 1 and as many output channels as input channels, or residual = false");
  }
  const int r = depthwise.r;
  if (std::int64_t{pad.top} + pad.bottom != r - 1 || std::int64_t{pad.left} + pad.right != r - 1) {
    return invalid("the padding changes the image's size, and x is to be added",
                   text("top ", pad.top, ", bottom ", pad.bottom, ", left ", pad.left, ", right ",
                        pad.right, " of a ", r, "x", r),
                   text("pad by ", r - 1, " in each direction, or set residual to false"));
  }
  return {};
}

}  // namespace

Result<Block> Block::create(const BottleneckWeights& weights, const FoldOptions& options) {
  return guarded([&]() -> Result<Block> {
    const bool first = weights.stride_at == StrideAt::conv1;
    if (!first && weights.stride_at != StrideAt::conv2) {
      return invalid("unknown place of the stride",
                     text("static_cast<StrideAt>(", int(weights.stride_at), ")"),
                     "use StrideAt::conv1 or StrideAt::conv2");
    }
    auto data =
        create_data({{{&weights.conv1, {"conv1", 1, first ? weights.stride : 1}},
                      {&weights.conv2, {"conv2", 3, first ? 1 : weights.stride, weights.groups}},
                      {&weights.conv3, {"conv3", 1, 1}}},
                     &weights.downsample,
                     weights.stride,
                     weights.inner,
                     weights.last},
                    options);
    if (!data.ok()) return data.status();
    return host::Internals::make<Block>(std::move(*data));
  });
}

Result<Block> Block::create(const BasicBlockWeights& weights, const FoldOptions& options) {
  return guarded([&]() -> Result<Block> {
    auto data = create_data(
        {{{&weights.conv1, {"conv1", 3, weights.stride}}, {&weights.conv2, {"conv2", 3, 1}}},
         &weights.downsample,
         weights.stride,
         weights.inner,
         weights.last},
        options);
    if (!data.ok()) return data.status();
    return host::Internals::make<Block>(std::move(*data));
  });
}

Result<Block> Block::create(const InvertedBlockWeights& weights, const FoldOptions& options) {
  return guarded([&]() -> Result<Block> {
    const ConvWeights& depthwise = weights.depthwise.conv;
    const Padding pad = weights.pad.value_or(Padding::same(depthwise.r / 2));
    if (Status status = check_inverted(weights, pad); !status.ok()) return status;
    Wiring wiring = {{}, nullptr, weights.stride, weights.inner, weights.last, weights.residual};
    if (weights.expand) wiring.layers.push_back({&*weights.expand, {"expand", 1, 1}});
    wiring.layers.push_back(
        {&weights.depthwise, {"depthwise", depthwise.r, weights.stride, depthwise.k, pad}});
    wiring.layers.push_back({&weights.project, {"project", 1, 1}});
    auto data = create_data(wiring, options);
    if (!data.ok()) return data.status();
    return host::Internals::make<Block>(std::move(*data));
  });
}

}  // namespace foldconv
