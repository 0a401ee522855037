// SPDX-License-Identifier: MIT
#include <algorithm>
#include <optional>

#include "base/error.hpp"
#include "base/text.hpp"
#include "network/channel_affine.hpp"
#include "network/passes.hpp"
#include "network/rewriter.hpp"

namespace foldconv::host {
namespace {

// For each element of the axis `axis` of x the value of a constant that differs along that axis alone; nothing where it
// does not, or where it would make x larger.
std::optional<std::vector<float>> along_axis(const SymbolicExtents& x, std::size_t axis,
                                             const Constant& constant) {
  const Extents& extents = constant.extents();
  if (axis >= x.size() || x[axis] < 0 || extents.size() > x.size()) return std::nullopt;
  const std::size_t missing = x.size() - extents.size();
  for (std::size_t i = 0; i < extents.size(); ++i) {
    const bool fits = extents[i] == 1 || (i + missing == axis && extents[i] == x[axis]);
    if (!fits) return std::nullopt;
  }
  const std::span<const float> values = constant.values();
  std::vector<float> all(static_cast<std::size_t>(x[axis]), values[0]);
  if (values.size() > 1) std::ranges::copy(values, all.begin());
  return all;
}

// A sum or product of x with a constant for each element of an axis.
struct WithConstant {
  int x;
  BatchNormNode affine;
  std::size_t axis;
};

BatchNormNode as_batch_norm(op::Binary::Kind kind, const std::vector<float>& values) {
  ChannelAffine affine;
  const bool product = kind == op::Binary::Kind::multiply;
  for (const float value : values) {
    affine.scale.push_back(product ? value : 1.0);
    affine.shift.push_back(product ? 0.0 : value);
  }
  return affine.batch_norm();
}

class AffinePass {
 public:
  AffinePass(GraphData& graph, Remarks& remarks)
      : graph_(graph), rewriter_(graph), remarks_(remarks) {}

  Status run() {
    for (std::size_t i = 0; i < rewriter_.nodes(); ++i) {
      if (rewriter_.dead(i)) continue;
      if (Status status = visit(i); !status.ok())
        return at(describe(graph_, rewriter_.node(i)), status);
    }
    rewriter_.compact();
    report();
    return {};
  }

 private:
  Status visit(std::size_t i) {
    const GraphNode& node = rewriter_.node(i);
    if (const auto* norm = as<op::BatchNorm>(node)) {
      const bool done = norm->activation != Activation::none;  // by an earlier fusion
      return done ? Status() : fold_in(i, node.inputs[0], norm->arrays, 1);
    }
    if (as<op::Conv>(node)) {
      while (take_padding(i)) ++paddings_;
      return {};
    }
    if (!as<op::Binary>(node) || as<op::Binary>(node)->activation != Activation::none) return {};
    const auto found = with_constant(node);
    return found ? fold_in(i, found->x, found->affine, found->axis) : Status();
  }

  std::optional<WithConstant> with_constant(const GraphNode& node) {
    for (const std::size_t side : {0u, 1u}) {
      const Constant* constant = rewriter_.known(node.inputs[side]);
      const int x = node.inputs[1 - side];
      if (!constant || rewriter_.known(x)) continue;
      const SymbolicExtents& extents = rewriter_.extents(x);
      if (extents.empty()) continue;
      // A linear layer's channels are its last extent.
      const auto* linear = rewriter_.sole_producer<op::Linear>(x);
      for (const std::size_t axis : {linear ? extents.size() - 1 : 1, std::size_t{1}}) {
        if (const auto values = along_axis(extents, axis, *constant))
          return WithConstant{x, as_batch_norm(as<op::Binary>(node)->kind, *values), axis};
      }
    }
    return std::nullopt;
  }

  // Node i computes `arrays` of x, along that axis.
  Status fold_in(std::size_t i, int x, BatchNormNode arrays, std::size_t axis) {
    Result<ChannelAffine> own = channel_affine(arrays);
    if (!own.ok()) return own.status();
    const bool last = axis + 1 == rewriter_.extents(x).size();
    if (auto* conv = rewriter_.sole_producer<op::Conv>(x);
        conv && axis == 1 && rewriter_.producer(x).inputs.size() == 1) {
      if (const auto taken = take(*conv, std::move(arrays), *own); taken && taken->ok()) {
        rewriter_.replace(i, **taken, rewriter_.producer(x).inputs);
        ++into_convs_;
        return {};
      } else if (taken) {
        return taken->status();
      }
    } else if (auto* linear = rewriter_.sole_producer<op::Linear>(x); linear && last) {
      if (const auto taken = take(*linear, std::move(arrays), *own); taken && taken->ok()) {
        rewriter_.replace(i, **taken, rewriter_.producer(x).inputs);
        ++into_linears_;
        return {};
      } else if (taken) {
        return taken->status();
      }
    } else if (auto* norm = rewriter_.sole_producer<op::BatchNorm>(x);
               norm && axis == 1 && norm->activation == Activation::none) {
      const Result<ChannelAffine> first = channel_affine(norm->arrays);
      if (!first.ok()) return first.status();
      rewriter_.replace(i, op::BatchNorm{composed(*first, *own).batch_norm()},
                        rewriter_.producer(x).inputs);
      return {};
    }
    if (axis == 1) rewriter_.replace(i, op::BatchNorm{own->batch_norm()}, {x});
    return {};
  }

  // The convolution or linear layer with `arrays` behind it; nothing where it ends in an activation.
  template <class Op>
  static std::optional<Result<Op>> take(const Op& producer, BatchNormNode arrays,
                                        const ChannelAffine& own) {
    if (producer.activation != Activation::none) return std::nullopt;
    Op fused = producer;
    if (fused.batch_norm) {
      const Result<ChannelAffine> first = channel_affine(*fused.batch_norm);
      if (!first.ok()) return Result<Op>(first.status());
      arrays = composed(*first, own).batch_norm();
    }
    fused.batch_norm = std::move(arrays);
    return Result<Op>(std::move(fused));
  }

  // Zeros around the image that the convolution i reads become its own padding.
  bool take_padding(std::size_t i) {
    const GraphNode& node = rewriter_.node(i);
    const auto* pad = rewriter_.sole_producer<op::Pad>(node.inputs[0]);
    if (!pad || pad->fill != 0 || node.inputs.size() != 1) return false;
    const bool image_alone =
        pad->before[0] == 0 && pad->before[1] == 0 && pad->behind[0] == 0 && pad->behind[1] == 0;
    const auto sizes = {pad->before[2], pad->behind[2], pad->before[3], pad->behind[3]};
    constexpr std::int64_t kMost = 1 << 20;
    if (!image_alone ||
        std::ranges::any_of(sizes, [](std::int64_t s) { return s < 0 || s > kMost; }))
      return false;
    op::Conv fused = *as<op::Conv>(node);
    Padding& to = fused.conv.pad;
    if (to.top < 0 || to.bottom < 0 || to.left < 0 || to.right < 0) return false;
    to.top += static_cast<int>(pad->before[2]);
    to.bottom += static_cast<int>(pad->behind[2]);
    to.left += static_cast<int>(pad->before[3]);
    to.right += static_cast<int>(pad->behind[3]);
    rewriter_.replace(i, std::move(fused), rewriter_.producer(node.inputs[0]).inputs);
    return true;
  }

  void report() {
    const auto remark = [&](std::string what) { remarks_.push_back({"affine", std::move(what)}); };
    if (into_convs_ > 0)
      remark(text(into_convs_, " BatchNorms, or constants of channels, folded into convolutions"));
    if (into_linears_ > 0) remark(text(into_linears_, " folded into linear layers"));
    if (paddings_ > 0) remark(text(paddings_, " paddings by zeros are the convolution's own"));
    for (const GraphNode& node : graph_.nodes) {
      if (!as<op::BatchNorm>(node)) continue;
      remark(text(describe(graph_, node),
                  " is a launch of its own: what makes its input is no convolution, is read by "
                  "others too, or ends in an activation"));
    }
  }

  GraphData& graph_;
  Rewriter rewriter_;
  Remarks& remarks_;
  int into_convs_ = 0, into_linears_ = 0, paddings_ = 0;
};

}  // namespace

Status affine_pass(GraphData& graph, Remarks& remarks) {
  return AffinePass(graph, remarks).run();
}

}  // namespace foldconv::host
