// SPDX-License-Identifier: MIT
#include "graph/shape_rules.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "base/enum_checks.hpp"
#include "base/error.hpp"
#include "base/sizes.hpp"
#include "base/text.hpp"

namespace foldconv::host {
namespace {

using Inputs = std::span<const SymbolicExtents>;

constexpr int kMostInt = std::numeric_limits<int>::max();

std::string shown(const SymbolicExtents& extents) {
  return to_string(ExtentTable::known(extents));
}

Status check_rank(const SymbolicExtents& x, std::size_t least, std::size_t most) {
  if (x.size() >= least && x.size() <= most) return {};
  return error(ErrorCode::unsupported,
               least == most ? text("takes tensors of ", least, " extents")
                             : text("takes tensors of ", least, " to ", most, " extents"),
               shown(x), "reshape it before");
}

// That an extent is what it has to be; one that is open, at plan().
Status check_extent(std::string_view what, SymbolicExtent is, std::int64_t wanted,
                    ExtentTable& table) {
  table.require(is, wanted, std::string(what));
  if (is < 0 || is == wanted) return {};
  return invalid(text(what, " does not fit"), text(is), text("give ", wanted));
}

// That a constant's extents are those of its values, each 1 or more.
Status check_values(std::string_view what, const Constant& constant) {
  std::optional<std::int64_t> elements = 1;
  for (const std::int64_t d : constant.extents()) {
    elements = d < 1 ? std::nullopt : checked_product({*elements, d});
    if (!elements) break;
  }
  if (constant.given() && elements == std::ssize(constant.values())) return {};
  return invalid(text(what, "'s extents are not those of its values"),
                 text(to_string(constant.extents()), ", ", constant.values().size(), " values"),
                 "give extents of 1 or more, and as many values as they say");
}

Status check_array(std::string_view what, const Constant& array, std::int64_t wanted) {
  if (!array.given() || std::ssize(array.values()) == wanted) return {};
  return invalid(text(what, " has another number of elements than there are channels"),
                 text(array.values().size(), " elements, ", wanted, " channels"),
                 text("give ", wanted));
}

WindowRule window_rule(int before, int behind, int window, int stride, int dilation,
                       bool ceil_mode = false) {
  const std::int64_t reach = std::int64_t{dilation} * (window - 1) + 1;
  return {std::int64_t{before} + behind - reach, stride, ceil_mode, before};
}

// Of sizes that window_rule() and the kernels take without overflow.
Status check_window(Extent window, Extent stride, const Padding& pad, Extent dilation) {
  constexpr int kMost = 1 << 24;
  for (const int size : {window.h, window.w, stride.h, stride.w, dilation.h, dilation.w}) {
    if (size >= 1 && size <= kMost) continue;
    return invalid("a window, stride or dilation is not between 1 and 2^24", text(size),
                   "use a smaller one, of 1 or more");
  }
  for (const int size : {pad.top, pad.bottom, pad.left, pad.right}) {
    if (size >= -kMost && size <= kMost) continue;
    return invalid("a padding is not between -2^24 and 2^24", text(size), "use a smaller one");
  }
  return {};
}

// Rows and columns behind a window's way over an image.
Result<SymbolicExtents> windows(const SymbolicExtents& x, SymbolicExtent channels, Extent window,
                                Extent stride, const Padding& pad, Extent dilation, bool ceil_mode,
                                ExtentTable& table) {
  const SymbolicExtent p = table.window(
      x[2], window_rule(pad.top, pad.bottom, window.h, stride.h, dilation.h, ceil_mode));
  const SymbolicExtent q = table.window(
      x[3], window_rule(pad.left, pad.right, window.w, stride.w, dilation.w, ceil_mode));
  if (p == 0 || q == 0) {
    return invalid("the window is larger than the padded image",
                   text("image ", shown(x), ", window ", window.h, "x", window.w, ", dilation ",
                        dilation.h, "x", dilation.w),
                   "use a larger image, or more padding");
  }
  return SymbolicExtents{x[0], channels, p, q};
}

Result<SymbolicExtents> extents_of(const op::Conv& node, Inputs inputs, ExtentTable& table) {
  const SymbolicExtents& x = inputs[0];
  const ConvNode& conv = node.conv;
  if (Status status = check_rank(x, 4, 4); !status.ok()) return status;
  const Extents& w = conv.weights.extents();
  if (!conv.weights.given() || w.size() != 4) {
    return error(ErrorCode::unsupported, "takes weights of 4 extents: k, c / groups, r, s",
                 conv.weights.given() ? to_string(w) : "none", "give such weights");
  }
  if (Status status = check_values("the weight tensor", conv.weights); !status.ok()) return status;
  for (const std::int64_t d : w) {
    if (d >= 1 && d <= kMostInt) continue;
    return invalid("an extent of the weights is not between 1 and 2^31 - 1", to_string(w),
                   "give weights of other extents");
  }
  if (conv.groups < 1 || w[0] % conv.groups != 0) {
    return invalid("the groups do not divide the output channels",
                   text("k = ", w[0], ", groups = ", conv.groups), "use a divisor of k");
  }
  table.require(x[1], w[1] * conv.groups, "the channels that a convolution reads");
  if (x[1] >= 0 && x[1] != w[1] * conv.groups) {
    return invalid("the channels of x are not those of the weights",
                   text("x ", shown(x), ", weights ", to_string(w), ", groups ", conv.groups),
                   "give weights of c / groups channels");
  }
  if (Status status = check_array("the bias", conv.bias, w[0]); !status.ok()) return status;
  const Extent window = {static_cast<int>(w[2]), static_cast<int>(w[3])};
  if (Status status = check_window(window, conv.stride, conv.pad, conv.dilation); !status.ok())
    return status;
  return windows(x, w[0], window, conv.stride, conv.pad, conv.dilation, false, table);
}

Result<SymbolicExtents> extents_of(const op::BatchNorm& node, Inputs inputs, ExtentTable& table) {
  const SymbolicExtents& x = inputs[0];
  if (x.size() < 2) {
    return error(ErrorCode::unsupported, "takes tensors of 2 extents or more: n, c, ..", shown(x),
                 "reshape it before");
  }
  const BatchNormNode& arrays = node.arrays;
  if (!arrays.mean.given() || !arrays.variance.given())
    return invalid("no running mean or variance", "not given", "give both");
  const std::int64_t c = x[1] >= 0 ? x[1] : std::ssize(arrays.mean.values());
  table.require(x[1], c, "the channels of a BatchNorm");
  for (const auto& [name, array] : {std::pair{"gamma", &arrays.gamma},
                                    {"beta", &arrays.beta},
                                    {"mean", &arrays.mean},
                                    {"variance", &arrays.variance}}) {
    if (Status status = check_array(name, *array, c); !status.ok()) return status;
  }
  return x;
}

Result<SymbolicExtents> extents_of(const op::Activate& node, Inputs inputs, ExtentTable&) {
  if (Status status = check_activation(node.activation); !status.ok()) return status;
  return inputs[0];
}

Result<SymbolicExtents> extents_of(const op::Binary&, Inputs inputs, ExtentTable& table) {
  SymbolicExtents a = inputs[0], b = inputs[1];
  const std::size_t rank = std::max(a.size(), b.size());
  a.insert(a.begin(), rank - a.size(), 1);
  b.insert(b.begin(), rank - b.size(), 1);
  for (std::size_t axis = 0; axis < rank; ++axis) {
    if (a[axis] >= 0 && b[axis] >= 0 && a[axis] != b[axis] && a[axis] != 1 && b[axis] != 1) {
      return invalid("the operands' extents do not broadcast",
                     text(shown(inputs[0]), " and ", shown(inputs[1])),
                     "give extents that are equal or 1, from the last one on");
    }
    a[axis] = table.broadcast(a[axis], b[axis]);
  }
  return a;
}

Result<SymbolicExtents> extents_of(const op::Pool& node, Inputs inputs, ExtentTable& table) {
  const SymbolicExtents& x = inputs[0];
  const PoolNode& pool = node.pool;
  if (Status status = check_rank(x, 4, 4); !status.ok()) return status;
  if (Status status = check_window(pool.window, pool.stride, pool.pad, pool.dilation);
      !status.ok()) {
    return status;
  }
  return windows(x, x[1], pool.window, pool.stride, pool.pad, pool.dilation, pool.ceil_mode, table);
}

Result<SymbolicExtents> extents_of(const op::GlobalPool&, Inputs inputs, ExtentTable&) {
  if (Status status = check_rank(inputs[0], 4, 4); !status.ok()) return status;
  return SymbolicExtents{inputs[0][0], inputs[0][1], 1, 1};
}

Result<SymbolicExtents> extents_of(const op::ResizeNearest& node, Inputs inputs,
                                   ExtentTable& table) {
  const SymbolicExtents& x = inputs[0];
  if (Status status = check_rank(x, 4, 4); !status.ok()) return status;
  if (node.h < 1 || node.w < 1) {
    return invalid("a factor below 1", text(node.h, "x", node.w), "use 1 or more");
  }
  return SymbolicExtents{x[0], x[1], table.times(x[2], node.h), table.times(x[3], node.w)};
}

Result<SymbolicExtents> extents_of(const op::Lrn& node, Inputs inputs, ExtentTable&) {
  if (Status status = check_rank(inputs[0], 4, 4); !status.ok()) return status;
  const LrnNode& lrn = node.lrn;
  if (lrn.size < 1) {
    return invalid("the window of a normalisation has no channels", text("size ", lrn.size),
                   "use 1 or more");
  }
  for (const float number : {lrn.alpha, lrn.beta, lrn.bias}) {
    if (std::isfinite(number)) continue;
    return invalid("a number of a normalisation is not finite", text(number), "use another one");
  }
  return inputs[0];
}

Result<SymbolicExtents> extents_of(const op::Linear& node, Inputs inputs, ExtentTable& table) {
  SymbolicExtents x = inputs[0];
  const Constant& weights = node.linear.weights;
  if (x.empty()) return check_rank(x, 1, 6);
  if (!weights.given() || weights.extents().size() != 2) {
    return error(ErrorCode::unsupported, "takes weights of 2 extents: k, c",
                 weights.given() ? to_string(weights.extents()) : "none", "give such weights");
  }
  if (Status status = check_values("the weight tensor", weights); !status.ok()) return status;
  const std::int64_t k = weights.extents()[0], c = weights.extents()[1];
  if (k < 1 || c < 1 || k > kMostInt || c > kMostInt) {
    return invalid("an extent of the weights is not between 1 and 2^31 - 1",
                   to_string(weights.extents()), "give weights of other extents");
  }
  if (Status status = check_extent("the last extent that a linear layer reads", x.back(), c, table);
      !status.ok()) {
    return status;
  }
  if (Status status = check_array("the bias", node.linear.bias, k); !status.ok()) return status;
  x.back() = k;
  return x;
}

Result<SymbolicExtents> extents_of(const op::Softmax&, Inputs inputs, ExtentTable&) {
  return inputs[0];
}

Result<SymbolicExtents> extents_of(const op::Concat& node, Inputs inputs, ExtentTable& table) {
  const std::size_t axis = static_cast<std::size_t>(node.axis);
  SymbolicExtents result = inputs[0];
  for (const SymbolicExtents& part : inputs.subspan(1)) {
    bool fits = part.size() == result.size();
    for (std::size_t i = 0; fits && i < part.size(); ++i) {
      fits = i == axis || part[i] == result[i] || part[i] < 0 || result[i] < 0;
      if (fits && i != axis && result[i] < 0) result[i] = part[i];
    }
    if (!fits) {
      return invalid("tensors that are put together differ along another axis",
                     text(shown(result), " and ", shown(part), ", axis ", axis),
                     "give equal extents but along that axis");
    }
    result[axis] = table.sum(result[axis], part[axis]);
  }
  return result;
}

Result<SymbolicExtents> extents_of(const op::Slice& node, Inputs inputs, ExtentTable& table) {
  SymbolicExtents x = inputs[0];
  if (node.step == 0) return invalid("a step of 0", "0", "use another");
  SymbolicExtent& extent = x[static_cast<std::size_t>(node.axis)];
  extent = table.slice(extent, node.begin, node.end, node.step);
  if (extent == 0) {
    return invalid("an empty slice",
                   text("axis ", node.axis, " of ", shown(inputs[0]), " from ", node.begin, " to ",
                        node.end, " by ", node.step),
                   "take one element or more");
  }
  return x;
}

Result<SymbolicExtents> extents_of(const op::Pad& node, Inputs inputs, ExtentTable& table) {
  SymbolicExtents x = inputs[0];
  if (Status status = check_rank(x, 1, 6); !status.ok()) return status;
  if (node.before.size() != x.size() || node.behind.size() != x.size()) {
    return invalid("as many paddings as the tensor has extents are needed, before and behind",
                   text(node.before.size(), " and ", node.behind.size(), ", tensor ", shown(x)),
                   text("give ", x.size(), " each"));
  }
  for (std::size_t axis = 0; axis < x.size(); ++axis) {
    for (const std::int64_t size : {node.before[axis], node.behind[axis]}) {
      if (size >= -kMostInt && size <= kMostInt) continue;
      return invalid("a padding outside 32 bits", text(size), "use a smaller one");
    }
    x[axis] = table.plus(x[axis], node.before[axis] + node.behind[axis]);
    if (x[axis] == 0) {
      return invalid("the padding leaves nothing", shown(inputs[0]), "cut off less");
    }
  }
  return x;
}

Result<SymbolicExtents> extents_of(const op::Transpose& node, Inputs inputs, ExtentTable&) {
  const SymbolicExtents& x = inputs[0];
  std::vector<int> sorted = node.order;
  std::ranges::sort(sorted);
  bool permutes = sorted.size() == x.size();
  for (std::size_t i = 0; permutes && i < sorted.size(); ++i)
    permutes = sorted[i] == static_cast<int>(i);
  if (!permutes) {
    std::string order;
    for (const int axis : node.order) append(order, text(order.empty() ? "" : ", ", axis));
    return invalid("the order is no permutation of the tensor's axes",
                   text("{", order, "}, tensor ", shown(x)), "name each axis once");
  }
  SymbolicExtents result;
  for (const int axis : node.order) result.push_back(x[static_cast<std::size_t>(axis)]);
  return result;
}

Result<SymbolicExtents> extents_of(const op::Identity&, Inputs inputs, ExtentTable&) {
  return inputs[0];
}

Result<SymbolicExtents> extents_of(const op::Known& node, Inputs, ExtentTable&) {
  if (Status status = check_values("the constant", node.values); !status.ok()) return status;
  return SymbolicExtents(node.values.extents());
}

// The caller knows these.
Result<SymbolicExtents> extents_of(const op::Input&, Inputs, ExtentTable&) {
  return SymbolicExtents();
}
Result<SymbolicExtents> extents_of(const op::Reshape&, Inputs, ExtentTable&) {
  return SymbolicExtents();
}
Result<SymbolicExtents> extents_of(const op::Stage&, Inputs, ExtentTable&) {
  return SymbolicExtents();
}
Result<SymbolicExtents> extents_of(const op::Stem&, Inputs, ExtentTable&) {
  return SymbolicExtents();
}
Result<SymbolicExtents> extents_of(const op::Gate&, Inputs, ExtentTable&) {
  return SymbolicExtents();
}

}  // namespace

Result<SymbolicExtents> shape_of(const Operation& operation, Inputs inputs, ExtentTable& table) {
  return std::visit([&](const auto& node) { return extents_of(node, inputs, table); }, operation);
}

Result<int> axis_of(int axis, std::size_t rank) {
  const int from_front = axis < 0 ? axis + static_cast<int>(rank) : axis;
  if (from_front >= 0 && from_front < static_cast<int>(rank)) return from_front;
  return invalid("the tensor has no such axis", text("axis ", axis, " of ", rank, " axes"),
                 rank == 0 ? "give a tensor with axes"
                           : text("use ", -static_cast<int>(rank), " to ", rank - 1));
}

}  // namespace foldconv::host
