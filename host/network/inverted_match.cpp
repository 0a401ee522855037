// SPDX-License-Identifier: MIT
#include "network/block_match.hpp"

namespace foldconv::host {
namespace {

bool is_dense_1x1(const op::Conv& op) {
  return has_form(op.conv, 1) && op.conv.stride.h == 1 && op.conv.groups == 1;
}

bool is_depthwise(const ConvNode& conv) {
  const Extents& w = conv.weights.extents();
  return conv.groups > 1 && conv.groups == w[0] && w[1] == 1;
}

// Of a depthwise convolution that stands in a block; "" if it holds.
std::string depthwise_rule(const ConvNode& conv) {
  const Extents& w = conv.weights.extents();
  if (w[2] != w[3] || (w[2] != 3 && w[2] != 5)) return "its depthwise is neither 3x3 nor 5x5";
  if (conv.dilation != Extent{1, 1}) return "its depthwise is dilated";
  if (conv.stride.h != conv.stride.w || conv.stride.h > 2)
    return "its depthwise's stride is neither 1 nor 2";
  return "";
}

bool keeps_size(const ConvNode& depthwise) {
  const std::int64_t all = depthwise.weights.extents()[2] - 1;
  const Padding& pad = depthwise.pad;
  return depthwise.stride.h == 1 && std::int64_t{pad.top} + pad.bottom == all &&
         std::int64_t{pad.left} + pad.right == all;
}

}  // namespace

BlockMatch match_inverted(Rewriter& rewriter, const GraphNode& node) {
  BlockMatch match;
  const op::Conv& project = *as<op::Conv>(node);
  if (!is_dense_1x1(project)) return match;
  const auto* depthwise = rewriter.sole_producer<op::Conv>(node.inputs[0]);
  if (!depthwise || !is_depthwise(depthwise->conv)) return match;
  const std::vector<int>& before = rewriter.producer(node.inputs[0]).inputs;
  match.x = before[0];
  const auto broken = [&](std::string why) {
    match.broken = std::move(why);
    return match;
  };
  if (before.size() != 1) return broken("its depthwise has a residual");
  if (std::string rule = depthwise_rule(depthwise->conv); !rule.empty()) return broken(rule);

  op::Block& block = match.block;
  block = {.path = {*depthwise, project},
           .downsample = {},
           .stride = depthwise->conv.stride.h,
           .stride_at = StrideAt::conv2,
           .inner = depthwise->activation,
           .last = project.activation,
           .inverted = true,
           .residual = node.inputs.size() == 2};
  const auto* expand = rewriter.sole_producer<op::Conv>(match.x);
  if (expand && is_dense_1x1(*expand) && expand->activation == block.inner &&
      rewriter.producer(match.x).inputs.size() == 1) {
    block.path.insert(block.path.begin(), *expand);
    match.x = rewriter.producer(match.x).inputs[0];
  }
  block.path.back().activation = Activation::none;  // it is `last`
  if (!block.residual) return match;
  if (node.inputs[1] != match.x) return broken("what is added is not its input");
  if (!keeps_size(depthwise->conv)) return broken("its input is added, and it changes the size");
  return match;
}

}  // namespace foldconv::host
