// SPDX-License-Identifier: MIT
// Operators over images: convolution, BatchNorm, pools, resizing.
#include <algorithm>
#include <cmath>

#include "base/sizes.hpp"
#include "base/text.hpp"
#include "onnx/operators.hpp"
#include "onnx/refusal.hpp"
#include "onnx/wire/printable.hpp"

namespace foldconv::onnx {
namespace {

using host::text;

// n, c, h, w as far as they are known.
Extents image_extents(Node& node, Value x) {
  Extents extents = node.graph.extents(x);
  if (extents.size() != 4) {
    refuse("takes images: n, c, h, w", to_string(extents), "reshape them to 4 extents");
  }
  return extents;
}

// A list for h and w.
Extent pair_of(Node& node, const char* name) {
  const auto list = node.integers(name);
  if (!list) return {1, 1};
  if (list->size() != 2) {
    refuse(text(name, " for h and w"), text(list->size(), " numbers"), "give two");
  }
  return {to_int((*list)[0], name), to_int((*list)[1], name)};
}

struct Window {
  Extent size, stride, dilation;
};

// Of one axis, so that the result has ceil(extent / stride) elements: before and behind.
std::pair<int, int> same_padding(std::int64_t extent, int size, int stride, int dilation,
                                 bool more_behind) {
  const std::int64_t reach = std::int64_t{dilation} * (size - 1) + 1;
  std::int64_t total = reach - 1;
  if (stride > 1) {
    if (extent < 0) {
      refuse("auto_pad with a stride on known extents", "the image's extents are open",
             "fix the extents of the model's inputs, or write the pads");
    }
    const std::int64_t windows = host::ceil_div(extent, stride);
    total = std::max<std::int64_t>((windows - 1) * stride + reach - extent, 0);
  }
  const int less = to_int(total / 2, "pads"), more = to_int(total - total / 2, "pads");
  return more_behind ? std::pair(less, more) : std::pair(more, less);
}

Padding padding_of(Node& node, const Window& window, const Extents& x) {
  const std::string mode = node.text("auto_pad", "NOTSET");
  const auto pads = node.integers("pads");
  if (mode == "VALID") return {};
  if (mode == "SAME_UPPER" || mode == "SAME_LOWER") {
    for (const int number : {window.stride.h, window.stride.w}) {
      if (number < 1) reject("strides of 1 or more", text(number));
    }
    const bool behind = mode == "SAME_UPPER";
    const auto [top, bottom] =
        same_padding(x[2], window.size.h, window.stride.h, window.dilation.h, behind);
    const auto [left, right] =
        same_padding(x[3], window.size.w, window.stride.w, window.dilation.w, behind);
    return {.top = top, .bottom = bottom, .left = left, .right = right};
  }
  if (mode != "NOTSET") {
    reject("auto_pad NOTSET, VALID, SAME_UPPER or SAME_LOWER", wire::printable(mode));
  }
  if (!pads) return {};
  if (pads->size() != 4) {
    refuse("pads for h and w", text(pads->size(), " numbers"), "give four");
  }
  return {.top = to_int((*pads)[0], "pads"),
          .bottom = to_int((*pads)[2], "pads"),
          .left = to_int((*pads)[1], "pads"),
          .right = to_int((*pads)[3], "pads")};
}

void import_pool(Node& node, PoolKind kind, bool count_include_pad) {
  const Value x = node.data(0);
  const Extents extents = image_extents(node, x);
  if (!node.has_attribute("kernel_shape")) reject("kernel_shape is given", "it is not");
  const Window window = {.size = pair_of(node, "kernel_shape"),
                         .stride = pair_of(node, "strides"),
                         .dilation = pair_of(node, "dilations")};
  const PoolNode pool = {.kind = kind,
                         .window = window.size,
                         .stride = window.stride,
                         .pad = padding_of(node, window, extents),
                         .dilation = window.dilation,
                         .ceil_mode = node.flag("ceil_mode", false),
                         .count_include_pad = count_include_pad};
  node.set(node.graph.pool(x, pool, node.result_name()));
}

void resize(Node& node, std::size_t scales_at, std::size_t sizes_at);

}  // namespace

void import_conv(Node& node) {
  const Value x = node.data(0);
  const Extents extents = image_extents(node, x);
  const Constant weights = node.weights(1, "weights");
  const Extents& sizes = weights.extents();
  if (sizes.size() != 4) {
    refuse("weights of 4 extents: k, c / group, r, s", to_string(sizes), "reshape them");
  }
  const Window window = {
      .size = {to_int(sizes[2], "window sizes"), to_int(sizes[3], "window sizes")},
      .stride = pair_of(node, "strides"),
      .dilation = pair_of(node, "dilations")};
  if (node.has_attribute("kernel_shape") && pair_of(node, "kernel_shape") != window.size) {
    const Extent said = pair_of(node, "kernel_shape");
    reject("kernel_shape is that of the weights",
           text(said.h, "x", said.w, ", weights ", to_string(sizes)));
  }
  const ConvNode conv = {.weights = weights,
                         .bias = node.has(2) ? node.weights(2, "the bias") : Constant(),
                         .stride = window.stride,
                         .pad = padding_of(node, window, extents),
                         .dilation = window.dilation,
                         .groups = to_int(node.integer("group", 1), "group")};
  node.set(node.graph.conv(x, conv, node.result_name()));
}

void import_lrn(Node& node) {
  const Value x = node.data(0);
  image_extents(node, x);
  if (!node.has_attribute("size")) reject("size is given", "it is not");
  const LrnNode lrn = {.size = to_int(node.integer("size", 1), "size"),
                       .alpha = node.number("alpha", 1e-4f),
                       .beta = node.number("beta", 0.75f),
                       .bias = node.number("bias", 1)};
  node.set(node.graph.lrn(x, lrn, node.result_name()));
}

void import_batch_norm(Node& node) {
  if (node.flag("training_mode", false) || node.results() > 1) {
    refuse("BatchNormalization of inference",
           node.results() > 1 ? text(node.results(), " results") : std::string("training_mode 1"),
           "export the model for inference: model.eval()");
  }
  if (!node.flag("spatial", true)) {
    refuse("one mean a channel", "spatial 0", "export with a newer opset");
  }
  node.ignore("momentum");
  const BatchNormNode arrays = {.gamma = node.weights(1, "scales"),
                                .beta = node.weights(2, "shifts"),
                                .mean = node.weights(3, "means"),
                                .variance = node.weights(4, "variances"),
                                .eps = Epsilon(node.number("epsilon", 1e-5f))};
  node.set(node.graph.batch_norm(node.data(0), arrays, node.result_name()));
}

void import_max_pool(Node& node) {
  node.refuse_result(1, "indices of the maxima");
  node.ignore("storage_order");  // of the indices
  import_pool(node, PoolKind::max, false);
}

void import_average_pool(Node& node) {
  import_pool(node, PoolKind::average, node.flag("count_include_pad", false));
}

void import_global_average_pool(Node& node) {
  const Value x = node.data(0);
  image_extents(node, x);
  node.set(node.graph.global_pool(x, PoolKind::average, node.result_name()));
}

void import_global_max_pool(Node& node) {
  const Value x = node.data(0);
  image_extents(node, x);
  node.set(node.graph.global_pool(x, PoolKind::max, node.result_name()));
}

void import_reduce_mean(Node& node) {
  const Value x = node.data(0);
  const auto axes = node.attribute_or_operand("axes", 1, 18);
  const bool keep = node.flag("keepdims", true);
  const bool nothing = node.flag("noop_with_empty_axes", false);
  if (nothing && (!axes || axes->empty())) {
    node.set(node.graph.identity(x, node.result_name()));
    return;
  }
  const std::size_t rank = node.graph.extents(x).size();
  std::vector<std::size_t> sorted;
  std::string shown;
  for (const std::int64_t axis : axes.value_or(std::vector<std::int64_t>())) {
    sorted.push_back(axis_of(axis, rank));
    shown += text(shown.empty() ? "" : ", ", axis);
  }
  std::ranges::sort(sorted);
  if (rank != 4 || sorted != std::vector<std::size_t>{2, 3}) {
    refuse("means over h and w of n, c, h, w", text("axes [", shown, "]"),
           "transpose the tensor before");
  }
  if (keep) {
    node.set(node.graph.global_pool(x, PoolKind::average, node.result_name()));
    return;
  }
  const Value mean = node.graph.global_pool(x, PoolKind::average, node.hidden("mean"));
  node.set(
      node.graph.reshape(mean, {{.of = x, .axis = 0}, {.of = x, .axis = 1}}, node.result_name()));
}

void import_resize(Node& node) {
  if (node.opset() < 11) {
    resize(node, 1, 3);
  } else {
    resize(node, 2, 3);
  }
}

void import_upsample(Node& node) {
  resize(node, 1, 3);
}

namespace {

// Of the scales n, c, h, w the whole factors for h and w.
std::vector<float> scales_of(Node& node, const Extents& x, std::size_t scales_at,
                             std::size_t sizes_at, Value image) {
  std::vector<float> scales;
  if (node.op() == "Upsample" && node.opset() < 9) {
    scales = node.numbers("scales");
  } else if (node.has(scales_at) && !node.floats(scales_at, "scales").values().empty()) {
    const auto values = node.floats(scales_at, "scales").values();
    scales.assign(values.begin(), values.end());
  }
  const auto axes = node.integers("axes");
  std::vector<std::size_t> places;
  for (std::size_t i = 0; !axes && i < x.size(); ++i) places.push_back(i);
  for (const std::int64_t axis : axes.value_or(std::vector<std::int64_t>())) {
    places.push_back(axis_of(axis, x.size()));
  }
  if (scales.empty()) {
    const std::vector<Integer> sizes = node.shape(sizes_at, "sizes");
    for (std::size_t i = 0; i < sizes.size() && i < places.size(); ++i) {
      const std::int64_t from = x[places[i]];
      const Integer& to = sizes[i];
      if (to.kind == Integer::Kind::extent && to.of == image &&
          to.axis == static_cast<int>(places[i])) {
        scales.push_back(1);
      } else if (to.kind == Integer::Kind::number && from > 0) {
        scales.push_back(static_cast<float>(to.number) / static_cast<float>(from));
      } else {
        refuse("sizes that are known", "an extent is open",
               "give scales, or fix the extents of the model's inputs");
      }
    }
  }
  if (scales.size() != places.size()) {
    reject("a scale for each axis", text(scales.size(), " scales for ", places.size(), " axes"));
  }
  std::vector<float> all(x.size(), 1);
  for (std::size_t i = 0; i < places.size(); ++i) all[places[i]] = scales[i];
  return all;
}

void resize(Node& node, std::size_t scales_at, std::size_t sizes_at) {
  const Value x = node.data(0);
  const Extents extents = image_extents(node, x);
  const std::string mode = node.text("mode", "nearest");
  // Until opset 10 there is one way only.
  const bool old = node.op() == "Upsample" || node.opset() < 11;
  const std::string place =
      node.text("coordinate_transformation_mode", old ? "asymmetric" : "half_pixel");
  const std::string rounding = node.text("nearest_mode", old ? "floor" : "round_prefer_floor");
  const std::string policy = node.text("keep_aspect_ratio_policy", "stretch");
  for (const char* name :
       {"antialias", "cubic_coeff_a", "exclude_outside", "extrapolation_value"}) {
    node.ignore(name);  // of other modes, or of images that shrink
  }
  const std::vector<float> scales = scales_of(node, extents, scales_at, sizes_at, x);
  std::string shown;
  bool whole = scales[0] == 1 && scales[1] == 1, same = true;
  for (const float scale : scales) {
    shown += text(shown.empty() ? "" : " x ", scale);
    whole &= scale >= 1 && scale <= 0x1p20f && scale == std::trunc(scale);
    same &= scale == 1;
  }
  constexpr const char* kRemedy = "use nearest by whole factors";
  if (mode != "nearest" && !same) {
    refuse("mode nearest", text(wire::printable(mode), " by ", shown), kRemedy);
  }
  if (!whole || policy != "stretch") refuse("whole factors for h and w", shown, kRemedy);
  // Where each pixel of the result comes from pixel / factor.
  const bool centred = place.starts_with("half_pixel") || place == "pytorch_half_pixel";
  const bool repeats =
      (centred && rounding.starts_with("round_prefer")) ||
      ((place == "asymmetric" || place == "tf_half_pixel_for_nn") && rounding == "floor");
  if (!same && !repeats) {
    refuse("pixels that are repeated",
           text("coordinate_transformation_mode ", wire::printable(place), ", nearest_mode ",
                wire::printable(rounding)),
           "use half_pixel with round_prefer_floor, or asymmetric with floor");
  }
  if (place == "tf_crop_and_resize") {
    refuse("resizing of whole images", wire::printable(place), "slice the image before");
  }
  if (same) {
    node.set(node.graph.identity(x, node.result_name()));
    return;
  }
  node.set(node.graph.resize_nearest(x, static_cast<int>(scales[2]), static_cast<int>(scales[3]),
                                     node.result_name()));
}

}  // namespace
}  // namespace foldconv::onnx
