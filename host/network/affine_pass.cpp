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

// A sum or product of x with a constant for each channel.
struct WithConstant {
  int x;
  BatchNormNode affine;
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
    if (const auto* norm = as<op::BatchNorm>(node)) return fold_in(i, node.inputs[0], norm->arrays);
    if (as<op::Pad>(node)) return {};
    if (as<op::Conv>(node)) return take_padding(i);
    if (!as<op::Binary>(node)) return {};
    if (add_to_linear(i)) return {};
    if (const auto found = with_constant(node)) {
      const WithConstant taken = *found;
      return fold_in(i, taken.x, taken.affine);
    }
    return {};
  }

  std::optional<WithConstant> with_constant(const GraphNode& node) {
    for (const std::size_t side : {0u, 1u}) {
      const Constant* constant = rewriter_.known(node.inputs[side]);
      const int x = node.inputs[1 - side];
      if (!constant || rewriter_.known(x)) continue;
      if (const auto values = along_axis(rewriter_.extents(x), 1, *constant))
        return WithConstant{x, as_batch_norm(as<op::Binary>(node)->kind, *values)};
    }
    return std::nullopt;
  }

  // Node i computes `arrays` of x.
  Status fold_in(std::size_t i, int x, BatchNormNode arrays) {
    Result<ChannelAffine> own = channel_affine(arrays);
    if (!own.ok()) return own.status();
    if (auto* conv = rewriter_.sole_producer<op::Conv>(x); conv && free_to_take(*conv, x)) {
      op::Conv fused = *conv;
      if (fused.batch_norm) {
        const Result<ChannelAffine> first = channel_affine(*fused.batch_norm);
        if (!first.ok()) return first.status();
        arrays = composed(*first, *own).batch_norm();
      }
      fused.batch_norm = std::move(arrays);
      rewriter_.replace(i, std::move(fused), rewriter_.producer(x).inputs);
      ++into_convs_;
      return {};
    }
    if (auto* norm = rewriter_.sole_producer<op::BatchNorm>(x);
        norm && norm->activation == Activation::none) {
      const Result<ChannelAffine> first = channel_affine(norm->arrays);
      if (!first.ok()) return first.status();
      rewriter_.replace(i, op::BatchNorm{composed(*first, *own).batch_norm()},
                        rewriter_.producer(x).inputs);
      return {};
    }
    if (auto* linear = rewriter_.sole_producer<op::Linear>(x);
        linear && linear->activation == Activation::none && rewriter_.extents(x).size() == 2) {
      rewriter_.replace(i, op::Linear{scaled(linear->linear, *own)}, rewriter_.producer(x).inputs);
      ++into_linears_;
      return {};
    }
    alone_.push_back(describe(graph_, rewriter_.node(i)));
    rewriter_.replace(i, op::BatchNorm{std::move(arrays)}, {x});
    return {};
  }

  bool free_to_take(const op::Conv& conv, int value) {
    return conv.activation == Activation::none && rewriter_.producer(value).inputs.size() == 1;
  }

  static LinearNode scaled(const LinearNode& linear, const ChannelAffine& affine) {
    const Extents& extents = linear.weights.extents();
    const auto k = static_cast<std::size_t>(extents[0]), c = static_cast<std::size_t>(extents[1]);
    const std::span<const float> from = linear.weights.values();
    std::vector<float> weights(from.size()), bias(k);
    for (std::size_t row = 0; row < k; ++row) {
      for (std::size_t column = 0; column < c; ++column) {
        weights[row * c + column] = static_cast<float>(from[row * c + column] * affine.scale[row]);
      }
      const double before = linear.bias.given() ? linear.bias.values()[row] : 0.0;
      bias[row] = static_cast<float>(before * affine.scale[row] + affine.shift[row]);
    }
    return {Constant(extents, std::move(weights)), Constant({extents[0]}, std::move(bias))};
  }

  // A bias behind a linear layer of any rank.
  bool add_to_linear(std::size_t i) {
    const GraphNode& node = rewriter_.node(i);
    if (as<op::Binary>(node)->kind != op::Binary::Kind::add) return false;
    for (const std::size_t side : {0u, 1u}) {
      const Constant* constant = rewriter_.known(node.inputs[side]);
      const int x = node.inputs[1 - side];
      auto* linear = rewriter_.sole_producer<op::Linear>(x);
      if (!constant || !linear || linear->activation != Activation::none) continue;
      const SymbolicExtents& extents = rewriter_.extents(x);
      const auto values = along_axis(extents, extents.size() - 1, *constant);
      if (!values) continue;
      ChannelAffine affine;
      affine.scale.assign(values->size(), 1.0);
      affine.shift.assign(values->begin(), values->end());
      LinearNode fused = {linear->linear.weights, scaled_bias(linear->linear, affine)};
      rewriter_.replace(i, op::Linear{std::move(fused)}, rewriter_.producer(x).inputs);
      ++into_linears_;
      return true;
    }
    return false;
  }

  static Constant scaled_bias(const LinearNode& linear, const ChannelAffine& affine) {
    std::vector<float> bias;
    for (std::size_t row = 0; row < affine.shift.size(); ++row) {
      const double before = linear.bias.given() ? linear.bias.values()[row] : 0.0;
      bias.push_back(static_cast<float>(before * affine.scale[row] + affine.shift[row]));
    }
    const Extents extents = {std::ssize(bias)};
    return Constant(extents, std::move(bias));
  }

  // Zeros around the image that the convolution i reads become its own padding.
  Status take_padding(std::size_t i) {
    const GraphNode& node = rewriter_.node(i);
    const auto* pad = rewriter_.sole_producer<op::Pad>(node.inputs[0]);
    if (!pad || pad->fill != 0 || node.inputs.size() != 1) return {};
    const bool image_alone =
        pad->before[0] == 0 && pad->before[1] == 0 && pad->behind[0] == 0 && pad->behind[1] == 0;
    const auto sizes = {pad->before[2], pad->behind[2], pad->before[3], pad->behind[3]};
    constexpr std::int64_t kMost = 1 << 20;
    if (!image_alone ||
        std::ranges::any_of(sizes, [](std::int64_t s) { return s < 0 || s > kMost; }))
      return {};
    op::Conv fused = *as<op::Conv>(node);
    Padding& to = fused.conv.pad;
    if (to.top < 0 || to.bottom < 0 || to.left < 0 || to.right < 0) return {};
    to.top += static_cast<int>(pad->before[2]);
    to.bottom += static_cast<int>(pad->behind[2]);
    to.left += static_cast<int>(pad->before[3]);
    to.right += static_cast<int>(pad->behind[3]);
    rewriter_.replace(i, std::move(fused), rewriter_.producer(node.inputs[0]).inputs);
    ++paddings_;
    return {};
  }

  void report() {
    const auto remark = [&](std::string what) { remarks_.push_back({"affine", std::move(what)}); };
    if (into_convs_ > 0)
      remark(text(into_convs_, " BatchNorms, or constants of channels, folded into convolutions"));
    if (into_linears_ > 0) remark(text(into_linears_, " folded into linear layers"));
    if (paddings_ > 0) remark(text(paddings_, " paddings by zeros are the convolution's own"));
    for (const std::string& name : alone_) {
      remark(text(name,
                  " is a launch of its own: what makes its input is no convolution, is read by "
                  "others too, or ends in an activation"));
    }
  }

  GraphData& graph_;
  Rewriter rewriter_;
  Remarks& remarks_;
  int into_convs_ = 0, into_linears_ = 0, paddings_ = 0;
  std::vector<std::string> alone_;
};

}  // namespace

Status affine_pass(GraphData& graph, Remarks& remarks) {
  return AffinePass(graph, remarks).run();
}

}  // namespace foldconv::host
